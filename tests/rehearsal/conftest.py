"""The tests that need machines: one rehearsal for all of them, skipped in words where it cannot be."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from components.clouds import CLOUDS
from tests.rehearsal import canaries
from tests.rehearsal.stage import REPOSITORY, Stage, copy_of_gallery, with_trials


class ByCloud(LoadScopeScheduling):  # type: ignore[misc]  # it is untyped
    """All tests of one cloud in one process, in their order: each cloud is a rehearsal of its own.

    xdist's own groups are lost with pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((cloud for cloud in CLOUDS if f"[{cloud}" in nodeid), "none")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCloud:
    """With `-n 2` two clouds are told side by side."""
    return ByCloud(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once, clearly, why tests with real machines do not run here."""
    if sys.platform == "linux" and os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="the rehearsal needs Linux and root: its machines are real")
    for item in items:
        if item.get_closest_marker("rehearsal"):
            item.add_marker(skip)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A file whose CLOUDS names more than one is told on each, all of one cloud's tests before the next one's.

    What is marked `once` is told in the story on the first of them; on the others it is a sweep.
    """
    if "stage" in metafunc.fixturenames:
        first, *others = getattr(metafunc.module, "CLOUDS", ("digitalocean",))
        marks = [pytest.mark.sweep] if metafunc.definition.get_closest_marker("once") else []
        clouds = [first, *(pytest.param(cloud, marks=marks) for cloud in others)]
        metafunc.parametrize("stage", clouds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stage]:
    """A rehearsal of the tests' own (a person's `make rehearse` stays as it is), gone at the end."""
    place = "test" if worker_id == "master" else worker_id  # xdist's word for a run in one process
    state = Path(os.environ.get("SLIPWAY_TEST_REHEARSAL") or REPOSITORY / f".rehearsal-{place}")
    gallery = with_trials(copy_of_gallery(tmp_path_factory.mktemp("project") / "gallery"))
    stage = Stage(state=state, gallery=gallery, cloud_name=request.param)
    stage.make("destroy")
    started = stage.make("up", "--cloud-only", "--cloud", request.param)
    assert started.returncode == 0, started.stdout + started.stderr
    yield stage
    destroyed = stage.make("destroy")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr


@pytest.fixture(scope="session")
def site(stage: Stage) -> Stage:
    """The example site, brought up once: test_story*.py use it in the order of their names, the last destroys it."""
    stage.renew("staging")
    stage.take_own_token()
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    plain = {
        "workers.stumbler": "stumble worker --when-told",
        "schedule.stumble.run": "stumble schedule",
        "schedule.stumble.at": "yearly",
    }
    values = [f"--plaintext {shlex.quote(f'{key}={value}')}" for key, value in plain.items()]
    values += [f"--secret {shlex.quote(f'secrets.{key}={value}')}" for key, value in canaries.USERS.items()]
    stage.type(f"pulumi config set-all -s staging --path {' '.join(values)}", secret=True)
    first = stage.up("staging")
    assert "in no state of it" not in first.stdout, first.stdout  # a machine of this very run is no stray
    assert "migrations: " not in first.stdout, first.stdout  # there is nothing yet that they could break
    return stage
