"""The overlay's directory on sys.path, as it is on a server."""

from pathlib import Path

import pytest

import release

DIRECTORY = Path(release.__file__).parent / "host" / "overlay"


@pytest.fixture(autouse=True)
def overlay(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(DIRECTORY))
    return DIRECTORY
