"""`backup drill`: the newest backup restored into a throw-away database and held against the live one.

Red, with the cause, whenever it could not be done: a backup that was never restored is no backup.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..agent.failure import Failure
from ..agent.machine import Machine
from ..agent.site import write
from .alone import alone
from .counting import SETTLED, Counted, count, differences, writes
from .place import VERSION, Facts, Place
from .repository import backrest, info
from .running import as_owner, ask
from .scratch import BIN, Scratch, scratch

__all__ = ["amcheck", "archived", "checksums", "drill", "last_drill", "record"]

ARCHIVE_LIMIT = 180.0  # seconds for the log's last piece to reach the repository
LIMIT = 12 * 3600.0
Result = TypeVar("Result")


def drill(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """Do it, and write down how it went."""
    place = Place(machine.root)
    facts = place.read_facts()
    with alone(place, by="a drill"):
        try:
            found = _Drill(machine, place=place, facts=facts).run()
        except Failure as failure:
            record(place, {"ok": False, "error": failure.cause})
            raise Failure(f"drill: {failure.cause}", detail=failure.detail) from None
        record(place, {"ok": True, **found})
        return found


def last_drill(place: Place) -> dict[str, Any] | None:
    """How the last one went, None before the first."""
    try:
        return dict(json.loads(_file(place).read_text()))
    except (FileNotFoundError, ValueError):
        return None


class _Drill:
    def __init__(self, machine: Machine, *, place: Place, facts: Facts) -> None:
        self._machine = machine
        self._place = place
        self._facts = facts
        self._seconds: dict[str, float] = {}

    def run(self) -> dict[str, Any]:
        """The steps in order."""
        backup = self._newest()
        loss = loss_window(self._machine)
        point = f"slipway-drill-{round(time.time())}"
        live = self._timed("count", lambda: count(self._machine, first=self._facts.database, point=point))
        self._timed("archive", lambda: archived(self._machine))
        with scratch(self._machine, place=self._place, size=backup["info"]["size"]) as found:
            self._timed("restore", lambda: self._restore(found, label=backup["label"], point=point))
            self._timed("recover", lambda: found.start(self._machine))
            restored = self._timed("compare", lambda: self._compare(found, live))
            self._timed("amcheck", lambda: amcheck(self._machine, found))
            found.stop(self._machine)
            self._timed("checksums", lambda: checksums(self._machine, found))
        return {
            "label": backup["label"],
            "at": backup["timestamp"]["stop"],
            "loss": loss,
            "tables": len(restored.rows),
            "rows": sum(restored.rows.values()),
            "bytes": backup["info"]["size"],
            "minutes": round(sum(self._seconds.values()) / 60, 1),
            "seconds": self._seconds,
        }

    def _newest(self) -> Mapping[str, Any]:
        found = info(self._machine, self._facts)
        backups = found.get("backup", [])
        if not backups:
            raise Failure("the repository holds no backup, make one with slipway backup now")
        newest: Mapping[str, Any] = backups[-1]
        made_by = {each["id"]: each["version"] for each in found.get("db", [])}.get(newest["database"]["id"])
        if made_by != VERSION:
            raise Failure(f"backup {newest['label']}: should be of Postgres {VERSION} (got {made_by}), make a full one")
        return newest

    def _restore(self, found: Scratch, *, label: str, point: str) -> None:
        fetch = f"pgbackrest --stanza={self._facts.site} --pg1-path={found.data} --no-archive-async"
        words = [
            f"--pg1-path={found.data}",
            f"--lock-path={found.place}/lock",
            f"--set={label}",
            "--type=name",
            f"--target={point}",
            "--target-action=promote",
            "--archive-mode=off",
            f'--recovery-option=restore_command={fetch} archive-get %f "%p"',
            "--tablespace-map-all=" + str(found.place / "tablespaces"),
        ]
        backrest(self._machine, self._facts, [*words, "restore"], limit=LIMIT)
        _whole(found.data)

    def _compare(self, found: Scratch, live: Counted) -> Counted:
        restored = count(self._machine, first=self._facts.database, sockets=str(found.sockets))
        if differences(live, restored.rows, written={}):
            self._machine.pause(max(0.0, live.at + SETTLED - self._machine.now()))
            written = writes(self._machine, first=self._facts.database)
            if wrong := differences(live, restored.rows, written=written):
                raise Failure(f"the restored database is not the live one: {wrong[0]}", detail=wrong)
        return restored

    def _timed(self, step: str, work: Callable[[], Result]) -> Result:
        start = time.monotonic()
        result = work()
        self._seconds[step] = round(time.monotonic() - start, 1)
        return result


def amcheck(machine: Machine, found: Scratch) -> None:
    """Every table and index is what Postgres expects it to be."""
    argv = [f"{BIN}/pg_amcheck", "--all", "--install-missing", "--heapallindexed", f"--host={found.sockets}"]
    done = as_owner(machine, argv, check=False, limit=LIMIT)
    if done.code:
        raise Failure(f"pg_amcheck: {(done.lines or ['said nothing'])[0]}", detail=done.lines[:20])


def checksums(machine: Machine, found: Scratch) -> None:
    """Every page is the one that was written; the cluster has stopped."""
    done = as_owner(machine, [f"{BIN}/pg_checksums", "--check", f"--pgdata={found.data}"], check=False, limit=LIMIT)
    if done.code:
        raise Failure(f"pg_checksums: {(done.err.splitlines() or ['said nothing'])[0]}", detail=done.lines[-20:])


LOSS = """SELECT CASE WHEN last_archived_wal IS NULL
    OR substr(last_archived_wal, 9, 16) < substr(pg_walfile_name(pg_current_wal_insert_lsn()), 9, 16)
    THEN ceil(extract(epoch FROM now() - coalesce(last_archived_time, pg_postmaster_start_time()))) ELSE 0 END
FROM pg_stat_archiver"""


def loss_window(machine: Machine) -> int:
    """Seconds of commits that a machine lost at this moment would have taken with it, at most."""
    return int(ask(machine, LOSS))


def archived(machine: Machine) -> None:
    """Everything committed until now is in the repository; a Failure when the archive does not take it in time."""
    last = ask(machine, "SELECT pg_walfile_name(pg_switch_wal())")
    question = "SELECT coalesce(last_archived_wal, ''), coalesce(last_failed_wal, '') FROM pg_stat_archiver"
    until = machine.now() + ARCHIVE_LIMIT
    while True:
        done, failed = ask(machine, question).split("|")
        if done[8:24] >= last[8:24] and len(done) >= 24:
            return
        if machine.now() > until:
            why = f", {failed} was refused" if failed else ""
            raise Failure(f"archive: {last} should be in the repository within {ARCHIVE_LIMIT:.0f} s{why}, "
                          "see journalctl -u 'postgresql@*' on the machine")  # fmt: skip
        machine.pause(0.5)


def _whole(data: Path) -> None:
    """What pgBackRest put there is a cluster of our version."""
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise Failure("what was restored is no cluster: PG_VERSION is missing") from None
    if made_by != VERSION:
        raise Failure(f"what was restored should be of Postgres {VERSION} (got {made_by})")


def record(place: Place, found: Mapping[str, Any]) -> None:
    write(_file(place), json.dumps({"done": round(time.time()), **found}) + "\n")


def _file(place: Place) -> Path:
    return place.state / "drill.json"
