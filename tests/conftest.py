"""One place owns the engine's mocks, and closes their trap: what is not awaited passes whatever it asserts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import botocore_data
from tests.release.build.seed import builds

if TYPE_CHECKING:
    from tests.plans.account import Account

__all__ = ["builds"]


def pytest_configure(config: pytest.Config) -> None:
    botocore_data.keep()
    # the SDK itself warns on import
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_command.*")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A sweep needs what every rehearsal test needs."""
    if item.get_closest_marker("sweep"):
        item.add_marker("rehearsal")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the sweeps out unless the marker is asked for (`make sweep`), whatever else `-m` selects."""
    if "sweep" in str(config.getoption("markexpr")):
        return
    sweeps = [item for item in items if item.get_closest_marker("sweep")]
    config.hook.pytest_deselected(items=sweeps)
    items[:] = [item for item in items if item not in sweeps]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An empty cloud account; `account.up(program)` runs a program to its very end."""
    from pulumi.runtime.settings import SETTINGS

    from tests.plans.account import Account

    monkeypatch.delenv("DIGITALOCEAN_API_URL", raising=False)  # the SDK makes it an input of a provider
    monkeypatch.delenv("HCLOUD_ENDPOINT", raising=False)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "local-paper")
    monkeypatch.setenv("HCLOUD_TOKEN", "local-paper".ljust(64, "-"))
    account = Account()
    yield account
    left = len(SETTINGS.rpc_manager.rpcs) + len(SETTINGS.outputs)
    assert not left, f"{left} registrations or outputs outside account.up(), nothing in them was tested"
