"""Golden plans: a diff in one is reviewed like a migration. SLIPWAY_WRITE_PLANS=1 writes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.artifact import Chosen
from components.before import Before
from components.clouds import CLOUDS, cloud
from components.environment import Environment
from settings import Settings
from settings.stack_file import STORAGE
from tests.plans.account import RUNNING, Account, Asked
from tests.plans.picture import picture

HERE = Path(__file__).parent
STACKS = HERE.parents[1] / "stacks"
PINNED = {"artifact": RUNNING, "promoted-from": "staging"}
# A user's own file with two words changed, and what a cloud without an API for keys asks for.
MOVED: Mapping[str, Mapping[str, Any]] = {
    "digitalocean": {},
    "hetzner": {"cloud": "hetzner", "region": "fsn1", **{key: key for key in STORAGE}},
}


def plan(account: Account, stack: str, name: str) -> None:
    """Ask for everything the committed stack file asks for, on a cloud."""
    account.stack = stack
    account.outputs = {"release_source": {"name": "slipway-staging-releases-ab12cd"}}
    written = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text())["config"]
    pinned = PINNED if stack == "production" else {}
    settings = Settings.parse(stack, {**written, **pinned, **MOVED[name]})
    chosen = Chosen(RUNNING, "chosen by a test")
    account.up(lambda: Environment(settings, cloud=cloud(settings.cloud), chosen=chosen, before=Before()))


@pytest.mark.parametrize("stack", ["staging", "production"])
@pytest.mark.parametrize("name", CLOUDS)
def test_the_plan_of_the_committed_stack_file(account: Account, stack: str, name: str) -> None:
    plan(account, stack, name)
    golden = HERE / f"{stack}-{name}.txt"
    if os.environ.get("SLIPWAY_WRITE_PLANS"):
        golden.write_text(picture(account) + "\n")
    assert picture(account) + "\n" == golden.read_text()


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_above_its_provider_a_plan_is_the_same_on_every_cloud(account: Account, stack: str) -> None:
    plans = []
    for name in CLOUDS:
        plan(account, stack, name)
        plans.append(_above(account))
    assert len(plans[0]) > 15  # else the comparison would prove little
    assert [each for each in plans if each != plans[0]] == []


def _above(account: Account) -> dict[str, Any]:
    """What is no provider's and no cloud's own: its inputs, its parents, and on what of the same kind it waits."""
    mine = {each.urn: each.chain for each in account.asked if not _is_a_clouds(each)}
    return {
        each.chain: (
            picture_of(each),
            each.options.protect,
            sorted(mine[urn] for urn in each.options.dependencies if urn in mine),
        )
        for each in account.asked
        if each.urn in mine
    }


def picture_of(asked: Asked) -> Mapping[str, Any]:
    """Its inputs without what is secret, which names machines and buckets."""
    return {key: value for key, value in asked.inputs.items() if key not in ("stdin", "connection")}


def _is_a_clouds(asked: Asked) -> bool:
    """What keeps a Postgres, and the Commands that make buckets, are as much a cloud's own as its resources."""
    provider = asked.type.startswith(("digitalocean:", "hcloud:", "pulumi:providers:"))
    keeps_postgres = "Database$" in asked.chain
    makes_a_bucket = ".driver bucket " in str(asked.inputs.get("create"))
    return provider or keeps_postgres or makes_a_bucket
