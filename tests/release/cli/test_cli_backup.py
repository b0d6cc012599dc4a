"""`slipway backup`: what the machine's tool answers, in words; nothing is overwritten without the stack's name."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from release.cli import backup_text as text
from tests.release.cli.desk import Desk

TOOL = ["-n", "python3", "/usr/local/bin/slipway-agent", "backup"]
SERVER = {"name": "database", "host": "198.51.100.30", "host_key": "ssh-ed25519 AAAA"}
NEWEST = {"label": "20261120-020000F", "kind": "full", "at": 0, "age": 7200, "seconds": 60, "bytes": 46_000_000,
          "stored": 4_400_000, "sound": True}  # fmt: skip
DRILL = {"ok": True, "label": "20261120-020000F", "loss": 41, "tables": 24, "rows": 12345, "seconds": {"restore": 20.0}}


def found(**changes: Any) -> dict[str, Any]:
    return {
        "ok": True,
        "newest": NEWEST,
        "backups": 12,
        "oldest": 1761271980,
        "archive": {"behind": 0, "queue": 0},
        "disk": {"percent": 31, "bytes": 50_000_000_000},
        "drill": {**DRILL, "done": time.time() - 7200},
        **changes,
    }


def told(desk: Desk, answer: dict[str, Any]) -> None:
    desk.stack(data={"kind": "server", "server": SERVER})
    desk.answer(stdout=json.dumps(answer) + "\n", code=0 if answer["ok"] else 1)


def test_status_asks_the_machine_that_keeps_the_database(desk: Desk) -> None:
    told(desk, found())
    ended = desk.run("backup", "status", "staging")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "newest backup  20261120-020000F (full), 2 hours ago, 46.0 MB, 4.4 MB of it new in the bucket\n"
        "kept           12; back to any moment since 2025-10-24 02:13 UTC\n"
        "archive        has everything but the last minute\n"
        "disk           31 % of 50.0 GB\n"
        "last drill     green, 2 hours ago, of 20261120-020000F\n"
    )
    (call,) = desk.calls()
    assert call["words"] == [*TOOL, "status"]
    assert call["argv"][-2] == "198.51.100.30"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"newest": None, "backups": 0}, "there is no backup: slipway backup now staging"),
        ({"newest": {**NEWEST, "age": 3 * 86400}}, "3 days old, backups are daily: slipway backup now staging"),
        ({"drill": None}, "no backup was ever restored: slipway backup drill staging"),
        ({"drill": {"ok": False, "error": "archive: gone", "done": 0}}, "the last drill was red: archive: gone"),
        ({"drill": {**DRILL, "done": 0}}, "drills are weekly"),
        ({"archive": {"behind": 900, "queue": 15}}, "the archive is 15 minutes behind: does the bucket take anything?"),
        ({"disk": {"percent": 93, "bytes": 1e9}}, "the disk is 93 % full: free some of it, or raise server-size"),
        ({"disk": {"percent": 93, "bytes": 1e9}, "grows": "database-disk"}, "or raise database-disk"),
    ],
)  # fmt: skip
def test_what_keeps_a_backup_from_being_trusted(changes: dict[str, Any], said: str) -> None:
    (complaint,) = text.complaints(found(**changes), stack="staging")
    assert complaint.endswith(said)
    assert text.status(found(**changes), stack="staging").endswith(f"\n\n{complaint}")


def test_a_green_drill(desk: Desk) -> None:
    told(desk, {"ok": True, **DRILL})
    ended = desk.run("backup", "drill", "staging")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "green: 20261120-020000F was restored in 20 s: 24 tables with 12,345 rows, as in the live database; "
        "amcheck and checksums found nothing wrong\n"
        "lost with the database at the moment of the drill: 41 s of commits at most\n"
    )


def test_a_red_drill(desk: Desk) -> None:
    told(desk, {"ok": False, "error": "drill: the repository holds no backup", "detail": ["a", "b"]})
    ended = desk.run("backup", "drill", "staging")
    assert (ended.code, ended.out) == (1, "red: drill: the repository holds no backup\n  a\n  b\n")


@pytest.mark.parametrize("named", [[], ["--yes-overwrite", "production"], ["--yes-overwrite", "stag"]])
def test_nothing_is_overwritten_without_the_stacks_name(desk: Desk, named: list[str]) -> None:
    told(desk, found())
    ended = desk.run("backup", "restore", "staging", "--at", "2025-11-20 10:00", *named)
    got = repr(named[1]) if named else "nothing"
    assert ended.code == 2
    assert ended.err == (
        f"staging: nothing was done: should be named in full (got {got}), add --yes-overwrite staging\n"
    )
    assert "the database becomes what it was, as of 2025-11-20 10:00:00 UTC" in ended.out
    assert desk.calls() == []


def test_restore_tells_the_steps_that_are_left(desk: Desk) -> None:
    aside = "/srv/postgres/17/main.before-20261121T172245Z"
    told(desk, {"ok": True, "seconds": 140, "tables": 24, "last_commit": "2025-11-20 09:59:59+00", "aside": aside})
    ended = desk.run("backup", "restore", "staging", "--at", "2025-11-20 10:00", "--yes-overwrite", "staging")
    assert ended.code == 0
    assert "restored in 2 minutes: 24 tables, its last commit is of 2025-11-20 09:59:59+00\n" in ended.out
    assert f"({aside})" in ended.out
    (call,) = desk.calls()
    assert call["words"] == [*TOOL, "restore", "--at", "2025-11-20T10:00:00+00:00"]


def test_a_restore_that_failed_says_what_serves(desk: Desk) -> None:
    told(desk, {"ok": False, "error": "restore: gone; the database is as it was before the restore", "detail": []})
    ended = desk.run("backup", "restore", "staging", "--at", "latest", "--yes-overwrite", "staging")
    assert (ended.code, ended.err) == (2, "staging: restore: gone; the database is as it was before the restore\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "none"}, "staging: has no database (database: none), so there is nothing to bring back but --media"),
        ({"kind": "sqlite"}, "staging: its database is a file that Litestream keeps, see docs/backups.md"),
    ],
)
def test_environments_without_a_postgres(desk: Desk, data: dict[str, Any], said: str) -> None:
    desk.stack(data=data)
    ended = desk.run("backup", "status", "staging")
    assert (ended.code, ended.err) == (2, said + "\n")


def test_an_older_stack_and_a_wrong_verb(desk: Desk) -> None:
    ended = desk.run("backup", "status", "staging")
    assert ended.err == "staging: was last brought up by an older slipway, run pulumi up -s staging\n"
    ended = desk.run("backup", "stat", "staging")
    assert ended.err.startswith("slipway backup: should be a verb and a stack (got stat), did you mean status?")
