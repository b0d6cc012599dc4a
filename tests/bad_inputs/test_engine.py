"""What a person reads on the terminal: the engine's own words, and slipway's through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plans.paper import ENGINE, SETTINGS, Done, Paper, paper_cloud
from tests.rehearsal.cloud.client import Client

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse"),
]

STACK = "staging"
FILE = f"stacks/Pulumi.{STACK}.yaml"
DROPLET = {"size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "fra1"}


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    with paper_cloud(tmp_path_factory.mktemp("paper")) as paper:
        paper.write(STACK, SETTINGS)
        paper.pulumi("stack", "init", stack=STACK)
        yield paper


@pytest.fixture
def file(paper: Paper) -> Iterator[Path]:
    """The stack file, as it was again afterwards."""
    file = paper.place / FILE
    kept = file.read_text()
    yield file
    file.write_text(kept)


def said(done: Done) -> list[str]:
    """The errors of a run, without what the engine adds to each."""
    lines = [line.strip() for line in (done.stdout + done.stderr).split("Diagnostics:")[-1].splitlines()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return [line for line in errors if "an unhandled error occurred" not in line]


# What the engine refuses before the program starts.
WRITTEN: dict[str, tuple[str, str]] = {
    "a tab": (
        "config:\n\tregion: fra1\n",
        "getting stack configuration: invalid YAML file: yaml: line 2: found character that cannot start any token",
    ),
    "a bracket that is not closed": (
        "config:\n  hosts: [example.org\n",
        "getting stack configuration: invalid YAML file: yaml: line 1: did not find expected ',' or ']'",
    ),
    "a list for a text": (
        "config:\n  hosts: example.org\n",
        "validating stack config: Stack 'staging' with configuration key 'hosts' must be of type 'array<string>'",
    ),
    "a text for a number": (
        "config:\n  servers: two\n",
        "validating stack config: Stack 'staging' with configuration key 'servers' must be of type 'integer'",
    ),
    "a text for a truth value": (
        "config:\n  protect: sometimes\n",
        "validating stack config: Stack 'staging' with configuration key 'protect' must be of type 'boolean'",
    ),
}
# What slipway refuses, seen through the engine.
ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"server-sise": "small"}, f"{FILE}: unknown key: server-sise, did you mean server-size?"),
    "an unknown size": (
        {"server-size": "s-1vcpu-1gbb"},
        f"{FILE}: server-size: should be small, medium, large or one of DigitalOcean's sizes in fra1 "
        "(got 's-1vcpu-1gbb'), did you mean s-1vcpu-1gb?",
    ),
    "another stack that is not there": (
        {"promoted-from": "qa"},
        f"{FILE}: promoted-from: should be a stack of this project (got 'qa'), pulumi stack ls shows them",
    ),
}


def refused(paper: Paper, *words: str) -> list[str]:
    """Run the engine into an error that makes nothing and writes nothing."""
    before, writes = paper.place.joinpath(FILE).read_text(), paper.writes()
    done = paper.pulumi(*words, stack=STACK, check=False)
    assert done.returncode
    assert "Traceback" not in done.stdout + done.stderr
    assert paper.writes() == writes
    assert paper.place.joinpath(FILE).read_text() == before
    return said(done)


@pytest.mark.parametrize(("text", "words"), WRITTEN.values(), ids=WRITTEN)
def test_a_file_the_engine_does_not_take(paper: Paper, file: Path, text: str, words: str) -> None:
    file.write_text(f"{text}encryptionsalt: {file.read_text().split('encryptionsalt: ')[1]}")
    assert refused(paper, "preview") == [words]


@pytest.mark.parametrize(("asked", "words"), ASKED.values(), ids=ASKED)
def test_a_file_slipway_does_not_take(paper: Paper, file: Path, asked: dict[str, Any], words: str) -> None:
    paper.write(STACK, {**SETTINGS, **asked})
    assert refused(paper, "up", "--yes", "--skip-preview") == [words]


def test_a_refused_token(paper: Paper) -> None:
    """The cloud's own 401, in its own shape."""
    rule = {
        "path": "/v2/regions",
        "status": 401,
        "body": {"id": "unauthorized", "message": "Unable to authenticate you"},
    }
    assert Client(paper.url).raw("POST", "/_cloud/faults", rule).status < 300
    assert refused(paper, "up", "--yes", "--skip-preview") == [
        "DIGITALOCEAN_TOKEN: should be a token of your DigitalOcean account (got one that DigitalOcean refuses), "
        "make one with full access under API > Tokens and export it, or pulumi config set --secret digitalocean:token"
    ]


def test_the_accounts_limit(paper: Paper) -> None:
    """What was made stands, up again goes on, and nothing is there twice."""
    api = Client(paper.url)
    others = [api("POST", "/droplets", {"name": f"other-{n}", **DROPLET})["droplet"]["id"] for n in range(25)]
    failed = paper.pulumi("up", "--yes", "--skip-preview", stack=STACK, check=False)
    assert failed.returncode
    words = said(failed)
    assert any("422" in line and line.endswith("will exceed your droplet limit") for line in words), words
    assert (
        "slipway-staging-web-1: the account's limit is reached, destroy what is not needed or ask DigitalOcean for more"
    ) in words
    assert "what was made is kept: when the cause is gone, pulumi up -s staging goes on from here" in failed.stdout
    api("DELETE", f"/droplets/{others[0]}")
    paper.up(STACK)
    plan = paper.preview(STACK)
    assert {step["op"] for step in plan.steps} == {"same"}, plan.error
    ours = [each for each in api("GET", "/droplets?per_page=200")["droplets"] if each["tags"]]
    assert (
        len(ours) == len(api("GET", "/reserved_ips")["reserved_ips"]) == len(api("GET", "/databases")["databases"]) == 1
    )
