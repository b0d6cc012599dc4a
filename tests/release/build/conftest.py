"""One cache and one lock for all builds of the session: packages are resolved and installed once."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from release.build import Artifact, build

Build = Callable[..., Artifact]
PYTHON = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def cache(builds: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIPWAY_CACHE", str(builds / "cache"))
    return builds / "cache"


@pytest.fixture
def run(cache: Path, builds: Path) -> Build:
    """Build with this interpreter as the target's, so that no other one need be installed."""

    asked = {"settings": "site1.settings", "lock": builds / "stacks" / "test.lock", "python": PYTHON}
    return lambda project, **other: build(project, **{**asked, **other})
