"""Mistaken edits of stacks that stand, each previewed by the real engine: refused in words, or without harm.

No plan may delete or replace what holds data without the words that say how to really mean it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.plans.paper import ENGINE, SETTINGS, Paper, paper_cloud
from tests.rehearsal.cloud.client import Client

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse"),
]

DATA = "DatabaseCluster|DatabaseDb|DatabaseUser|DatabaseFirewall|SpacesBucket|SpacesKey|Vpc|ReservedIp|Random\\w+"
OTHER = f"sha256-{'b' * 64}"
MEANT = "To really mean it"
HARMLESS = ""
GONE: dict[str, Any] = {"database-size": None, "database-standby": None, "extensions": None}


@dataclass(frozen=True)
class Standing:
    """Two stacks that were brought up: one protected, one not and in a network of the user's own."""

    paper: Paper
    settings: Mapping[str, Mapping[str, Any]]
    networks: tuple[str, str]

    def edited(self, stack: str, edit: Mapping[str, Any]) -> Any:
        """The plan for the stack's file with this edit; the file is as it was afterwards."""
        named = {key: self.networks[1] if value == "another" else value for key, value in edit.items()}
        self.paper.write(stack, {**self.settings[stack], **named})
        try:
            return self.paper.preview(stack)
        finally:
            self.paper.write(stack, self.settings[stack])


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with paper_cloud(tmp_path_factory.mktemp("paper")) as paper:
        networks = _networks(paper)
        shape = {"server-generation": 2, "server-size": "medium", "database-size": "medium", "database-standby": True}
        settings: dict[str, dict[str, Any]] = {
            "production": {**SETTINGS, **shape, "protect": True, "extensions": ["citext"]},
            "qa": {**SETTINGS, "hosts": ["qa.example.org"], "network": networks[0]},
        }
        for stack, wanted in settings.items():
            paper.write(stack, wanted)
            paper.pulumi("stack", "init", stack=stack)
            paper.pulumi("config", "set", "--secret", "--path", "secrets.TOKEN", "hunter2", stack=stack)
            settings[stack] = _config(paper, stack)
            paper.up(stack)
            assert paper.preview(stack).gone(".*") == []
        yield Standing(paper, settings, networks)


def _config(paper: Paper, stack: str) -> dict[str, Any]:
    written = yaml.safe_load((paper.place / f"stacks/Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("slipway:"): value for key, value in written.items()}


def _networks(paper: Paper) -> tuple[str, str]:
    one, two = (
        Client(paper.url)("POST", "/vpcs", {"name": name, "region": "fra1"})["vpc"]["id"] for name in ("one", "two")
    )
    return str(one), str(two)


# The edit, the setting that is refused, and whether the words say how to really mean it.
PROTECTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "region": ({"region": "ams3"}, "region", MEANT),
    "a region with a typo": ({"region": "fra11"}, "region", MEANT),
    "no region": ({"region": None}, "region", "is required"),
    "site renamed": ({"site": "shop"}, "site", MEANT),
    "media on disk": ({"media": "disk"}, "media", MEANT),
    "media public": ({"media": "public"}, HARMLESS, ""),
    "no database": ({"database": "none", **GONE}, "database", MEANT),
    "no database, its size left": ({"database": "none"}, "database-size", "no meaning"),
    "a network of one's own": ({"network": "another"}, "network", MEANT),
    "a larger database": ({"database-size": "large"}, HARMLESS, ""),
    "a smaller database": ({"database-size": "small"}, "database-standby", "needs a larger database"),
    "a smaller database, no standby": ({"database-size": "small", "database-standby": False}, HARMLESS, ""),
    "no standby": ({"database-standby": False}, HARMLESS, ""),
    "other extensions": ({"extensions": ["hstore"]}, HARMLESS, ""),
    "a larger server": ({"server-size": "large"}, HARMLESS, ""),
    "a smaller server": ({"server-size": "small"}, HARMLESS, ""),
    "server-generation raised": ({"server-generation": 3}, HARMLESS, ""),
    "server-generation lowered": ({"server-generation": 1}, "server-generation", "write 2 to keep them or 3 to renew"),
    "no server-generation": ({"server-generation": None}, "server-generation", "write 2 to keep them or 3 to renew"),
    "server-generation in words": ({"server-generation": "two"}, "server-generation", "integer"),
    "no servers": ({"servers": 0}, "servers", "1 or more"),
    "two servers": ({"servers": 2}, "servers", "load balancer"),
    "another zone": ({"domain": "example.net", "hosts": ["example.net"]}, "domain", "zone in this"),
    "a host outside the zone": ({"hosts": ["www.example.net"]}, "hosts", "should end in"),
    "other hosts": ({"hosts": ["shop.example.org"]}, HARMLESS, ""),
    "no names": ({"domain": None, "hosts": None}, HARMLESS, ""),
    "dns kept elsewhere": ({"dns": "external"}, HARMLESS, ""),
    "a cloud with a typo": ({"cloud": "digitalocaen"}, "cloud", "digitalocean"),
    "a key with a typo": ({"regoin": "fra1"}, "regoin", "did you mean region"),
    "another artifact": ({"artifact": OTHER}, HARMLESS, ""),
    "an artifact with a typo": ({"artifact": "sha256-b"}, "artifact", "64 hex digits"),
    "another project beside the pin": ({"project": "examples/other"}, HARMLESS, ""),
    "neither artifact nor project": ({"artifact": None}, "project", "is required"),
    "no settings module": ({"settings": None}, "settings", "is required"),
    "no secrets": ({"secrets": None}, HARMLESS, ""),
    "no env": ({"env": None}, HARMLESS, ""),
    "packages": ({"packages": ["gettext"]}, HARMLESS, ""),
    "unprotected": ({"protect": False}, HARMLESS, ""),
    "protect left out": ({"protect": None}, HARMLESS, ""),
    "unprotected, and the region": ({"protect": False, "region": "ams3"}, "region", "1. protect: false, everything"),
    "protect left out, and no database": ({"protect": None, "database": "none", **GONE}, "database", MEANT),
    "given up while protected": ({"region": "ams3", "accept-data-loss": ["region"]}, "region", MEANT),
    "given up in the run that unprotects": (
        {"site": "shop", "protect": False, "accept-data-loss": ["site"]},
        "site",
        "1. protect: false, everything",
    ),
    "given up and nothing changed": ({"accept-data-loss": ["region"]}, "accept-data-loss", "take it out again"),
    "given up what is no setting": ({"accept-data-loss": ["regoin"]}, "accept-data-loss", "a setting whose change"),
    "region and site at once": ({"region": "ams3", "site": "shop"}, "region", r"accept-data-loss: \[site, region\]"),
}
UNPROTECTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "region": ({"region": "ams3"}, "region", MEANT),
    "site renamed": ({"site": "shop"}, "site", MEANT),
    "media on disk": ({"media": "disk"}, "media", MEANT),
    "no database": ({"database": "none"}, "database", MEANT),
    "another network": ({"network": "another"}, "network", MEANT),
    "no network of one's own": ({"network": None}, "network", MEANT),
    "protected, and the region": ({"protect": True, "region": "ams3"}, "region", MEANT),
    "another setting given up": ({"region": "ams3", "accept-data-loss": ["site"]}, "region", MEANT),
    "a larger server": ({"server-size": "large"}, HARMLESS, ""),
    "protected": ({"protect": True}, HARMLESS, ""),
}


@pytest.mark.parametrize("mistake", PROTECTED)
def test_a_mistake_in_a_protected_stack(standing: Standing, mistake: str) -> None:
    _check(standing, "production", *PROTECTED[mistake])


@pytest.mark.parametrize("mistake", UNPROTECTED)
def test_a_mistake_in_an_unprotected_stack(standing: Standing, mistake: str) -> None:
    _check(standing, "qa", *UNPROTECTED[mistake])


def _check(standing: Standing, stack: str, edit: Mapping[str, Any], refused: str, words: str) -> None:
    plan = standing.edited(stack, edit)
    assert plan.gone(DATA) == []
    assert plan.fine is not bool(refused), plan.error
    if refused:
        assert re.search(rf"\b{refused}\b.*{words}", plan.error, re.DOTALL), plan.error


def test_another_name_of_the_stack(standing: Standing) -> None:
    paper = standing.paper
    paper.pulumi("stack", "rename", "prod", stack="production")
    try:
        plan = paper.preview("prod")
    finally:
        paper.pulumi("stack", "rename", "production", stack="prod")
    assert plan.gone(DATA) == []
    assert "stacks/Pulumi.prod.yaml: stack: should stay production" in plan.error
    assert "pulumi stack rename production" in plan.error


def test_another_name_of_the_project(standing: Standing) -> None:
    described = standing.paper.place / "Pulumi.yaml"
    before = described.read_text()
    described.write_text(before.replace("name: slipway\n", "name: shop\n"))
    try:
        plan = standing.paper.preview("production")
    finally:
        described.write_text(before)
    assert plan.gone(".*") == []
    assert "no stack named 'production' found" in plan.error


def test_what_is_really_meant_is_planned(standing: Standing) -> None:
    """The refusal's own steps, so that the tests above are known to see a loss."""
    plan = standing.edited("qa", {"region": "ams3", "network": None, "accept-data-loss": ["region", "network"]})
    assert plan.fine, plan.error
    kinds = "DatabaseCluster|DatabaseDb|SpacesBucket|ReservedIp"
    assert {chain.split(":")[2] for chain in plan.gone(kinds)} == set(kinds.split("|"))
