"""What staging has proven on one cloud goes live on the other, byte for byte, with no package index in reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.cut_off import cut_off, tried
from tests.rehearsal.stage import Done, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]
CLOUDS = ("digitalocean", "hetzner")

UP = "--yes --skip-preview --non-interactive --color never"
STAGING, PRODUCTION = "https://staging.example.org", "https://example.com"
ABROAD = "abroad"  # a production that is at the other cloud, in a zone that is there, too
HOSTS = ["example.com", "www.example.com"]
REGIONS = {"digitalocean": "fra1", "hetzner": "fsn1"}
TEMPLATE = "pictures/templates/pictures/base.html"
BUILT = ("packages", "work", "layers")  # what a build or a download of parts leaves in the cache


def production(stage: Stage) -> dict[str, Any]:
    """Its stack file as a person writes one; nothing is built for it."""
    (cloud,) = set(CLOUDS) - {stage.cloud_name}
    site = {"domain": "example.com", "hosts": HOSTS, "settings": "gallery.settings"}
    return {"config": {"cloud": cloud, "region": REGIONS[cloud], **site}}


@pytest.fixture(scope="module")
def both(stage: Stage) -> Iterator[Stage]:
    """Staging on the stage's cloud, production on the other one, of the same program."""
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    stage.up("staging")
    (stage.state / f"project/stacks/Pulumi.{ABROAD}.yaml").write_text(yaml.safe_dump(production(stage)))
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare {ABROAD}")
    stage.type(f"slipway promote staging {ABROAD}")
    stage.up(ABROAD)
    yield stage
    for stack in (ABROAD, "staging"):
        stage.type(f"pulumi destroy --yes --skip-preview --non-interactive -s {stack}")
    stage.type(f"pulumi stack rm --yes --non-interactive {ABROAD}")


def test_each_has_its_machine_at_its_own_cloud(both: Stage) -> None:
    """The control: two accounts, and neither knows the other's machine."""
    hosts = {stack: {row["host"] for row in both.outputs(stack)["servers"]} for stack in ("staging", ABROAD)}
    here = {address for addresses in ACCOUNTS[both.cloud_name].machines(both).values() for address in addresses}
    assert hosts["staging"] <= here
    assert not hosts[ABROAD] & here
    assert agree(both, ABROAD) == agree(both, "staging")


def test_a_promotion_across_clouds_needs_nothing_from_outside(both: Stage, tmp_path: Path) -> None:
    before = agree(both, ABROAD)
    undo = both.edit(TEMPLATE, "</footer>", "<!-- proven elsewhere --></footer>")
    both.up("staging")
    undo()
    proven = agree(both, "staging")
    assert proven != before
    with cut_off(both):
        refused = build_from_nothing(both, tmp_path / "control")
        assert refused.returncode != 0, "the control: a build from nothing asks an index"
        assert tried(both) > 0
        asked = tried(both)
        both.type(f"slipway promote staging {ABROAD}")
        both.type(f"SLIPWAY_CACHE={tmp_path}/cache pulumi up -s {ABROAD} {UP}")
        print(f"\n{asked} packets of the control were refused, {tried(both) - asked} while production was promoted")
    assert agree(both, ABROAD) == proven
    assert "proven elsewhere" in both.page(PRODUCTION)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.parent.name in BUILT]
    assert "promoted-from: staging" in (both.state / f"project/stacks/Pulumi.{ABROAD}.yaml").read_text()


def build_from_nothing(stage: Stage, cache: Path) -> Done:
    return stage.type(f"SLIPWAY_CACHE={cache} slipway build staging", check=False)


def agree(stage: Stage, stack: str) -> str:
    """The artifact that the state, the live site and every server's agent and disk name."""
    status = json.loads(stage.type(f"slipway status {stack} --json").stdout)
    assert status["agree"], status
    url = {"staging": STAGING, ABROAD: PRODUCTION}[stack]
    on_disk = stage.root(f"cat /srv/slipway/releases/{stage.live(url)['release']}/release.json", stack=stack)
    found = {stage.outputs(stack)["artifact"], stage.live(url)["artifact"], json.loads(on_disk)["artifact"]}
    found |= {row["artifact"] for row in status["servers"].values()}
    assert len(status["servers"]) == len(stage.outputs(stack)["servers"])
    (artifact,) = found
    return str(artifact)
