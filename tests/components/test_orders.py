"""What a cloud does not have is said before an edit's losses, except where the cloud itself is the edit."""

from __future__ import annotations

from typing import Any

import pytest

from components.clouds.hetzner import Hetzner
from components.losses import recorded
from components.orders import refuse_meaningless
from settings import Settings, SettingsError

ASKED: dict[str, Any] = {"cloud": "hetzner", "region": "fsn1", "project": "site", "settings": "site.settings"}
NETWORK = "5a4981aa-9653-4bd1-bef5-d6bff52042e4"


def _settings(**more: Any) -> Settings:
    return Settings.parse("staging", {**ASKED, **{key.replace("_", "-"): value for key, value in more.items()}})


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"network": NETWORK}, "network: has no meaning on hetzner, .*, take network out"),
        ({"database_standby": True}, "database-standby: has no meaning on hetzner, .*, take database-standby out"),
    ],
)
def test_what_the_cloud_does_not_have_is_said_first(edit: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        refuse_meaningless(_settings(**edit), recorded(_settings()), cloud=Hetzner)


def test_the_losses_of_another_cloud_are_said_first() -> None:
    """And whoever means them meets the same words when the order is checked."""
    before = recorded(_settings(cloud="digitalocean", network=NETWORK))
    refuse_meaningless(_settings(network=NETWORK), before, cloud=Hetzner)
    refuse_meaningless(_settings(network=NETWORK), None, cloud=Hetzner)
