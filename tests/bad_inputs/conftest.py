"""A desk for every bad input."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_inputs.desk import Desk
from tests.plans.account import Account


@pytest.fixture
def desk(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """A checkout with the stack staging in an empty account."""
    kept = signal.getsignal(signal.SIGINT)
    yield Desk(tmp_path, account, monkeypatch)
    signal.signal(signal.SIGINT, kept)  # the program sets its own
