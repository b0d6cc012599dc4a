"""The program under the real engine: the golden plan, and what protection is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.plans.account import RUNNING
from tests.plans.paper import ENGINE, HERE, ROOT, SETTINGS, Paper, paper_cloud

pytestmark = pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse")


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    with paper_cloud(tmp_path) as paper:
        yield paper


def test_the_engine_sees_the_golden_plan(paper: Paper) -> None:
    written = yaml.safe_load((ROOT / "stacks/Pulumi.staging.yaml").read_text())["config"]
    paper.write("staging", {**written, "artifact": RUNNING})
    paper.pulumi("stack", "init", stack="staging")
    plan = paper.preview("staging")
    assert {step["op"] for step in plan.steps} == {"create"}, plan.error
    chains = {" :: ".join(step["urn"].split("::")[-2:]) for step in plan.steps} - {
        "pulumi:pulumi:Stack :: slipway-staging"
    }
    golden = (HERE / "staging-digitalocean.txt").read_text().splitlines()
    assert sorted(chains) == [line for line in golden if not line.startswith(" ")]


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
