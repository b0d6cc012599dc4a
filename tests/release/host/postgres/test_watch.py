"""The watch over archive, disk, backups and drills; a drill that is held against a live database; who is told."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.postgres import watch as watching
from release.host.postgres.counting import Counted, differences
from release.host.postgres.drill import drill
from release.host.postgres.place import Facts, Place
from tests.release.host.bench import Recorded


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write_facts(Facts(site="gallery", database="gallery", data="/srv/postgres/17/main", address="10.0.1.10"))
    (place.data / "pg_wal/archive_status").mkdir(parents=True)
    return place


def backups(*, age: float = 3600, version: str = "17") -> Done:
    stop = round(time.time() - age)
    newest = {
        "label": "20261120-020000F",
        "type": "full",
        "timestamp": {"start": stop - 60, "stop": stop},
        "database": {"id": 1},
        "info": {"size": 1},
    }
    return Done(0, json.dumps([{"backup": [newest], "db": [{"id": 1, "version": version}]}]))


def machine(place: Place, *, info: Done | None = None, psql: Done | None = None) -> Recorded:
    return Recorded(place.root, answers={"pgbackrest": info or backups(), "psql": psql or Done(0, "1")})


def wrong(place: Place, told: Recorded) -> dict[str, str]:
    found: dict[str, str] = watching.watch(told, [])["wrong"]
    return found


@pytest.fixture(autouse=True)
def half_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "disk", lambda path: {"percent": 50})


def test_all_is_well(place: Place) -> None:
    assert wrong(place, machine(place)) == {}


def test_an_archive_that_is_behind(place: Place) -> None:
    ready = place.data / "pg_wal/archive_status/000000010000000000000007.ready"
    ready.touch()
    assert wrong(place, machine(place)) == {}
    os.utime(ready, (time.time() - 400,) * 2)
    assert wrong(place, machine(place)) == {"archive": "is 6 minutes behind, 1 pieces of the log wait for the bucket"}


def test_a_full_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "disk", lambda path: {"percent": 91 if path == place.disk else 40})
    assert wrong(place, machine(place)) == {"disk": f"{place.disk} is 91 % full"}


def test_old_backups_and_drills(place: Place) -> None:
    assert wrong(place, machine(place, info=backups(age=40 * 3600))) == {"backup age": "the newest is 40 hours old"}
    place.state.mkdir(exist_ok=True)
    (place.state / "drill.json").write_text(json.dumps({"ok": True, "done": time.time() - 10 * 86400}))
    assert wrong(place, machine(place)) == {"drill age": "the last one was 10 days ago"}


def test_a_gap_in_the_log_lasts_until_the_next_backup(place: Place) -> None:
    log = place.root / "var/log/pgbackrest/gallery-archive-push-async.log"
    log.parent.mkdir(parents=True)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 600))
    log.write_text(f"{stamp}.123 P00   WARN: dropped WAL file '000000010000000000000007' because archive queue\n")
    assert "only a new backup closes it" in wrong(place, machine(place))["backup age"]
    assert wrong(place, machine(place, info=backups(age=60))) == {}


def test_what_cannot_be_asked_is_wrong_too(place: Place) -> None:
    told = machine(place, info=Done(1, "", "ERROR: [032]: no such bucket"), psql=Done(2, "", "no"))
    assert wrong(place, told) == {
        "database": "Postgres does not answer",
        "backup age": "pgbackrest info: [032]: no such bucket",
    }


def test_a_unit_that_failed_is_told_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    (place.root / "etc/slipway/notify").write_text("tee\n")
    monkeypatch.setattr("release.host.notify.send", lambda target, text: taken.append(text))
    for result in ("success", "exit-code", "signal", "success"):
        monkeypatch.setenv("SERVICE_RESULT", result)
        watching.outcome(machine(place), ["backup"])
    assert taken == [
        "gallery: backup: failed: exit-code, see journalctl -u slipway-* on the machine",
        "gallery: backup: is well again",
    ]


@pytest.mark.parametrize(
    ("info", "cause"),
    [
        (Done(0, "[]"), "drill: the repository holds no backup, make one with slipway backup now"),
        (backups(version="16"), "drill: backup 20261120-020000F: should be of Postgres 17 (got 16), make a full one"),
    ],
)
def test_a_drill_that_cannot_be_is_red_and_kept(place: Place, info: Done, cause: str) -> None:
    with pytest.raises(Failure) as red:
        drill(machine(place, info=info), [])
    assert red.value.cause == cause
    kept: dict[str, Any] = json.loads((place.state / "drill.json").read_text())
    assert (kept["ok"], kept["error"]) == (False, cause.removeprefix("drill: "))


A, B = ("gallery", "public.a"), ("gallery", "public.b")


@pytest.mark.parametrize(
    ("restored", "written", "found"),
    [
        ({A: 5, B: 7}, {}, []),
        ({A: 4, B: 7}, {}, ["gallery: public.a: 5 rows live, 4 rows restored"]),
        ({A: 4, B: 7}, {A: 101}, []),
        ({A: 3, B: 7}, {A: 101}, ["gallery: public.a: 5 rows live, 3 rows restored"]),
        ({A: 5}, {}, ["gallery: public.b: 7 rows live, no such table restored"]),
        ({}, {A: 100, B: 0}, ["gallery: public.a: 5 rows live, no such table restored",
                              "gallery: public.b: 7 rows live, no such table restored"]),
        ({A: 5, B: 7, ("gallery", "public.c"): 1}, {("gallery", "public.c"): 1}, []),
        ({A: 5, B: 7, ("gallery", "public.c"): 1}, {}, ["gallery: public.c: no such table live, 1 row restored"]),
    ],
)  # fmt: skip
def test_no_more_may_differ_than_was_written(
    restored: dict[tuple[str, str], int], written: dict[tuple[str, str], int], found: list[str]
) -> None:
    live = Counted({A: 5, B: 7}, {A: 100, B: 0}, 0.0)
    assert differences(live, restored, written=written) == found
