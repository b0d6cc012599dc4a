"""Golden plans: a diff in one is reviewed like a migration. SLIPWAY_WRITE_PLANS=1 writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.artifact import Chosen
from components.before import Before
from components.clouds import cloud
from components.environment import Environment
from settings import Settings
from tests.plans.account import RUNNING, Account
from tests.plans.picture import picture

HERE = Path(__file__).parent
STACKS = HERE.parents[1] / "stacks"
PINNED = {"artifact": RUNNING, "promoted-from": "staging"}


@pytest.mark.parametrize(("stack", "more"), [("staging", {}), ("production", PINNED)])
def test_the_plan_of_the_committed_stack_file(account: Account, stack: str, more: dict[str, Any]) -> None:
    account.stack = stack
    account.outputs = {"release_source": {"name": "slipway-staging-releases-ab12cd"}}
    written = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text())["config"]
    settings = Settings.parse(stack, {**written, **more})
    account.up(
        lambda: Environment(
            settings, cloud=cloud(settings.cloud), chosen=Chosen(RUNNING, "chosen by a test"), before=Before()
        )
    )
    golden = HERE / f"{stack}-{settings.cloud}.txt"
    if os.environ.get("SLIPWAY_WRITE_PLANS"):
        golden.write_text(picture(account) + "\n")
    assert picture(account) + "\n" == golden.read_text()
