"""Mistaken edits of stacks that stand, each previewed by the real engine: refused in words, or without harm.

No plan may delete or replace what holds data without the words that say how to really mean it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import yaml

from tests.plans.mistakes import ANOTHER_NETWORK, MEANT_EDITS, MISTAKES, STACKS, As, Edit, there
from tests.plans.paper import ENGINE, SETTINGS, Paper, Plan, paper_cloud
from tests.rehearsal.cloud.client import Client

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse"),
]

# What holds data, or is how it is reached; Hetzner's buckets are made by a verb of the driver.
DATA = (
    "DatabaseCluster|DatabaseDb|DatabaseUser|DatabaseFirewall|SpacesBucket|SpacesKey|Vpc|ReservedIp|"
    r"Volume|Network|NetworkSubnet|FloatingIp|Command(?=::(media|releases|backups)$)|Random\w+"
)
REGIONS = {"digitalocean": "fra1", "hetzner": "fsn1"}


@dataclass(frozen=True)
class Standing:
    """Stacks of one cloud, each brought up when it is first asked for."""

    cloud: str
    paper: Paper
    networks: Mapping[str, str]
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def bring_up(self, stack: str) -> Mapping[str, Any]:
        """What stands in its file, as the engine keeps it."""
        if stack not in self.settings:
            self.settings[stack] = _brought_up(self.paper, self.cloud, stack, self.networks)
        return self.settings[stack]

    def edited(self, stack: str, edit: Edit) -> Plan:
        """The plan for the stack's file with this edit; the file is as it was afterwards."""
        standing = self.bring_up(stack)
        self.paper.write(stack, {**standing, **{key: self._value(stack, value) for key, value in edit.items()}})
        try:
            return self.paper.preview(stack)
        finally:
            self.paper.write(stack, standing)

    def _value(self, stack: str, value: Any) -> Any:
        if isinstance(value, As):
            return self.settings[stack][value.key]
        return self.networks.get(value, there(self.cloud, value)) if isinstance(value, str) else value


Clouds = Callable[[str], Standing]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Each cloud with its stacks, once for all rows: a parametrised fixture would be made anew for every one."""
    with ExitStack() as stack:

        @cache
        def of(cloud: str) -> Standing:
            paper = stack.enter_context(paper_cloud(tmp_path_factory.mktemp(cloud)))
            return Standing(cloud, paper, _networks(paper))

        yield of


def _brought_up(paper: Paper, cloud: str, stack: str, networks: Mapping[str, str]) -> dict[str, Any]:
    place = {"cloud": cloud, "region": REGIONS[cloud]}
    own = {key: networks[value] if key == "network" else value for key, value in STACKS[cloud][stack].items()}
    paper.write(stack, {**SETTINGS, **place, **own})
    paper.start(stack)
    paper.pulumi("config", "set", "--secret", "--path", "secrets.TOKEN", "hunter2", stack=stack)
    paper.up(stack)
    assert paper.preview(stack).gone(".*") == []
    written = yaml.safe_load((paper.place / f"stacks/Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("slipway:"): value for key, value in written.items()}


def _networks(paper: Paper) -> dict[str, str]:
    create = {"one network": "one", ANOTHER_NETWORK: "two"}
    client = Client(paper.url)
    return {
        word: str(client("POST", "/vpcs", {"name": name, "region": "fra1"})["vpc"]["id"])
        for word, name in create.items()
    }


def _rows() -> Iterator[Any]:
    for cloud, stacks in MISTAKES.items():
        for stack, mistakes in stacks.items():
            for words, row in mistakes.items():
                yield pytest.param(cloud, stack, *row, id=f"{cloud}, {stack}: {words}")


@pytest.mark.parametrize(("cloud", "stack", "edit", "refused", "words"), list(_rows()))
def test_a_mistake(standing: Clouds, cloud: str, stack: str, edit: Edit, refused: str, words: str) -> None:
    plan = standing(cloud).edited(stack, edit)
    assert plan.gone(DATA) == []
    assert plan.fine is not bool(refused), plan.error
    if refused:
        assert re.search(rf"\b{refused}\b.*{words}", plan.error, re.DOTALL), plan.error


@pytest.mark.parametrize("cloud", MISTAKES)
def test_another_name_of_the_stack(standing: Clouds, cloud: str) -> None:
    paper = standing(cloud).paper
    standing(cloud).bring_up("production")
    paper.pulumi("stack", "rename", "prod", stack="production")
    try:
        plan = paper.preview("prod")
    finally:
        paper.pulumi("stack", "rename", "production", stack="prod")
    assert plan.gone(DATA) == []
    assert "stacks/Pulumi.prod.yaml: stack: should stay production" in plan.error
    assert "pulumi stack rename production" in plan.error


def test_another_name_of_the_project(standing: Clouds) -> None:
    here = standing("digitalocean")
    here.bring_up("production")
    described = here.paper.place / "Pulumi.yaml"
    before = described.read_text()
    described.write_text(before.replace("name: slipway\n", "name: shop\n"))
    try:
        plan = here.paper.preview("production")
    finally:
        described.write_text(before)
    assert plan.gone(".*") == []
    assert "no stack named 'production' found" in plan.error


def _meant() -> Iterator[Any]:
    for cloud, edits in MEANT_EDITS.items():
        for words, row in edits.items():
            yield pytest.param(cloud, *row, id=f"{cloud}: {words}")


@pytest.mark.parametrize(("cloud", "stack", "edit", "kinds"), list(_meant()))
def test_what_is_really_meant_is_planned(standing: Clouds, cloud: str, stack: str, edit: Edit, kinds: set[str]) -> None:
    """The refusal's own steps, so that the tests above are known to see a loss."""
    plan = standing(cloud).edited(stack, edit)
    assert plan.fine, plan.error
    assert kinds <= {re.split("::?", chain)[2] for chain in plan.gone(DATA)}
