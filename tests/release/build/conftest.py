"""One cache and one lock for all builds of the session: packages are resolved and installed once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from release.build import Artifact, build
from tests.release.build.seed import PYTHON, surround

Build = Callable[..., Artifact]


@pytest.fixture
def cache(builds: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    surround(monkeypatch, cache=builds / "cache")
    return builds / "cache"


@pytest.fixture
def run(cache: Path, builds: Path) -> Build:
    """Build with this interpreter as the target's, so that no other one need be installed."""

    asked = {"settings": "site1.settings", "lock": builds / "stacks" / "test.lock", "python": PYTHON}
    return lambda project, **other: build(project, **{**asked, **other})
