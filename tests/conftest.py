"""One place owns the engine's mocks, and closes their trap: what is not awaited passes whatever it asserts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plans.account import Account


def pytest_configure(config: pytest.Config) -> None:
    # the SDK itself warns on import
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_command.*")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An empty cloud account; `account.up(program)` runs a program to its very end."""
    from pulumi.runtime.settings import SETTINGS

    from tests.plans.account import Account

    monkeypatch.delenv("DIGITALOCEAN_API_URL", raising=False)  # the SDK makes it an input of a provider
    account = Account()
    yield account
    left = len(SETTINGS.rpc_manager.rpcs) + len(SETTINGS.outputs)
    assert not left, f"{left} registrations or outputs outside account.up(), nothing in them was tested"
