"""The program under the real engine: the golden plan, and what protection is worth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plans.account import RUNNING
from tests.plans.paper import ENGINE, HERE, ROOT, SETTINGS, Paper, paper_cloud

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse"),
]


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    with paper_cloud(tmp_path) as paper:
        yield paper


MOVED: Mapping[str, Mapping[str, Any]] = {"digitalocean": {}, "hetzner": {"cloud": "hetzner", "region": "fsn1"}}


@pytest.mark.parametrize("cloud", MOVED)
def test_the_engine_sees_the_golden_plan(paper: Paper, cloud: str) -> None:
    written = yaml.safe_load((ROOT / "stacks/Pulumi.staging.yaml").read_text())["config"]
    paper.write("staging", {**written, **MOVED[cloud], "artifact": RUNNING})
    paper.start("staging")
    plan = paper.preview("staging")
    assert {step["op"] for step in plan.steps} == {"create"}, plan.error
    chains = {" :: ".join(step["urn"].split("::")[-2:]) for step in plan.steps} - {
        "pulumi:pulumi:Stack :: slipway-staging"
    }
    golden = (HERE / f"staging-{cloud}.txt").read_text().splitlines()
    assert sorted(chains) == [line for line in golden if not line.startswith(" ")]


def test_a_second_up_changes_nothing_at_hetzner(paper: Paper) -> None:
    """The plugin's traps: a network joined at birth, computed lists, labels, an address that is assigned elsewhere."""
    paper.write("staging", {**SETTINGS, **MOVED["hetzner"]})
    paper.start("staging")
    paper.up("staging")
    writes = paper.writes()
    assert writes > 10  # else the count below would prove nothing
    plan = paper.preview("staging")
    assert {step["op"] for step in plan.steps} == {"same"}, plan.error
    paper.up("staging")
    assert paper.writes() == writes


def test_a_database_server_is_replaced_old_first_and_its_disk_is_never_at_two(paper: Paper) -> None:
    paper.write("staging", {**SETTINGS, **MOVED["hetzner"]})
    paper.start("staging")
    paper.up("staging")
    before = len(paper.calls())
    paper.pulumi("config", "set", "database-generation", "2", stack="staging")
    paper.up("staging")
    marks = ("/actions/detach", "/actions/attach", "DELETE /v1/servers/", "POST /v1/servers")
    calls = [
        call
        for call in paper.calls()[before:]
        if re.search(r"volumes/.*tach$|DELETE .*/servers/\d+$|POST /v1/servers$", call)
    ]
    order = [next(mark for mark in marks if mark in call) for call in calls]
    assert order == [marks[0], marks[2], marks[3], marks[1]], calls


def test_a_protected_stack_is_neither_destroyed_nor_moved(paper: Paper) -> None:
    paper.write("production", {**SETTINGS, "protect": True})
    paper.pulumi("stack", "init", stack="production")
    paper.up("production")
    writes = paper.writes()
    assert writes > 10  # else the count below would prove nothing
    destroyed = paper.pulumi("destroy", "--yes", "--skip-preview", stack="production", check=False)
    assert destroyed.returncode
    assert "cannot be deleted" in destroyed.stdout
    paper.write("production", {**SETTINGS, "region": "ams3"})
    # straight into the update: the refusal has to come before the first step, not in a preview that may be skipped
    moved = paper.pulumi("up", "--yes", "--skip-preview", stack="production", check=False)
    assert moved.returncode
    assert "stacks/Pulumi.production.yaml: region: should stay fra1" in moved.stdout
    assert paper.writes() == writes
