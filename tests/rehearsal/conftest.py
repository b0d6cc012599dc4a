"""The tests that need machines: one rehearsal for all of them, skipped in words where it cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.stage import REPOSITORY, Stage, copy_of_gallery


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once, clearly, why tests with real machines do not run here."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="the rehearsal needs Linux and root: its machines are real")
    for item in items:
        if item.get_closest_marker("rehearsal"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A rehearsal of the tests' own (a person's `make rehearse` stays as it is), gone at the end."""
    state = Path(os.environ.get("SLIPWAY_TEST_REHEARSAL") or REPOSITORY / ".rehearsal-test")
    gallery = copy_of_gallery(tmp_path_factory.mktemp("project") / "gallery")
    stage = Stage(state=state, gallery=gallery)
    stage.make("destroy")
    started = stage.make("up", "--cloud-only")
    assert started.returncode == 0, started.stdout + started.stderr
    yield stage
    destroyed = stage.make("destroy")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
