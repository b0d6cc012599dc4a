from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release.host.postgres.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group postgres is not on every computer."""
    monkeypatch.setattr(shutil, "chown", lambda path, **to: None)
