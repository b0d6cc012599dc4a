"""gunicorn's settings in a slot: how a process begins and ends."""

from __future__ import annotations

import gc
import os
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from release.host.agent import releases

SETTINGS = Path(releases.__file__).parent / "files/gunicorn.conf.py"


class Connection:
    """One of Django's, with the driver's in it."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken, self.closed = broken, False
        self.connection = self

    def close(self) -> None:
        if self.broken:
            raise OSError("gone already")
        self.closed = True


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, Any]]:
    shutil.copy(SETTINGS, tmp_path)
    (tmp_path / "web.json").write_text('{"processes": 2, "threads": 4, "interface": "wsgi"}')
    yield runpy.run_path(str(tmp_path / SETTINGS.name))
    gc.unfreeze()


def worker(place: Path, *, pid: int) -> Any:
    (place / f"ready-{pid}").touch()
    return SimpleNamespace(pid=pid, cfg=SimpleNamespace(worker_tmp_dir=str(place)))


def test_a_process_that_ends_ends_its_connections_and_sorts_out_nothing(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    connections = [Connection(broken=True), Connection(), Connection()]
    for each in connections:
        settings["_remember"](connection=each, sender=None, signal=None)
    settings["worker_exit"](None, worker(tmp_path, pid=os.getpid()))
    assert [each.closed for each in connections] == [False, True, True]
    assert not list(tmp_path.glob("ready-*"))
    assert gc.get_freeze_count()


def test_the_master_takes_the_mark_of_a_dead_process_away_and_ends_nothing(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    open_ = Connection()
    settings["_remember"](connection=open_)
    settings["worker_exit"](None, worker(tmp_path, pid=os.getpid() + 1))
    assert not open_.closed
    assert not list(tmp_path.glob("ready-*"))


def test_what_is_gone_is_not_kept(settings: dict[str, Any]) -> None:
    settings["_remember"](connection=Connection())
    gc.collect()
    assert not len(settings["_connections"])
