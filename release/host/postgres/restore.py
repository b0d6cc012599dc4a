"""`backup restore`: the cluster as it was at a moment. The one before stays beside it until it is given up."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from ..agent.failure import Failure
from ..agent.machine import Machine
from ..agent.site import write
from . import swap
from .alone import alone
from .drill import archived
from .place import Facts, Place
from .repository import backrest, info
from .running import ask, sql

__all__ = ["give_up", "restore"]

LIMIT = 24 * 3600.0
KEPT_SECONDS = 7 * 24 * 3600  # after that a good backup gives up what was set aside
FULL = "slipway-backup-full.service"


def restore(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """`--at TIME|latest` goes back; `--undo` and `--confirm` say what becomes of the cluster that was set aside."""
    asked = _parser().parse_args(list(words))
    place = Place(machine.root)
    facts = place.read_facts()
    with alone(place, by="a restore"):
        if asked.undo:
            return _undo(machine, place, facts)
        if asked.confirm:
            return {"given_up": [str(path) for path in give_up(place)]}
        return _Restore(machine, place=place, facts=facts, at=_moment(asked.at), timeline=asked.timeline).run()


def give_up(place: Place, *, older: float = 0.0) -> list[Path]:
    """Remove clusters that were set aside more than `older` seconds ago."""
    old = [path for path in swap.asides(place.data) if time.time() - swap.since(path) >= older]
    for path in old:
        swap.remove(path)
    return old


class _Restore:
    def __init__(
        self, machine: Machine, *, place: Place, facts: Facts, at: datetime | None, timeline: int | None
    ) -> None:
        self._machine = machine
        self._place = place
        self._facts = facts
        self._at = at
        self._timeline = timeline
        self._unit = swap.Unit(machine, place)

    def run(self) -> dict[str, Any]:
        """Nothing is touched until the moment is known to be within reach."""
        start = self._machine.now()
        self._check_moment()
        self._check_room()
        before = self._put_in_the_archive()
        self._unit.stop()
        aside = swap.set_aside(self._machine, self._place.data)
        try:
            self._fetch()
            self._unit.start(log_of="the restored cluster")
            found = self._look()
            swap.forget_recovery(self._machine)
        except BaseException as error:
            swap.put_back(self._machine, self._unit, aside, site=self._facts.site)
            raise _unchanged(error) from error
        self._note()
        self._machine.run(["systemctl", "start", "--no-block", FULL], check=False)
        return {
            **found,
            "at": self._at.isoformat() if self._at else "latest",
            "aside": str(aside),
            "before": before,
            "seconds": round(self._machine.now() - start, 1),
        }

    def _check_moment(self) -> None:
        backups = info(self._machine, self._facts).get("backup", [])
        if not backups:
            raise Failure("restore: the repository holds no backup")
        oldest = datetime.fromtimestamp(backups[0]["timestamp"]["stop"], UTC)
        if self._at is None:
            return
        if self._at > datetime.now(UTC):
            raise Failure(f"restore: --at: should lie in the past (got {_text(self._at)})")
        if self._at < oldest:
            raise Failure(f"restore: --at: should not be before the oldest backup, {_text(oldest)} "
                          f"(got {_text(self._at)})")  # fmt: skip
        for undone in _history(self._place):
            to, done = (datetime.fromtimestamp(undone[key], UTC) for key in ("to", "done"))
            if to < self._at < done and self._timeline is None:
                raise Failure(f"restore: --at: was left behind by the restore of {_text(done)}, which went back to "
                              f"{_text(to)}; add --timeline {undone['timeline']} to go there")  # fmt: skip

    def _check_room(self) -> None:
        used, free = swap.used(self._place.data), swap.free(self._place.disk)
        if free < used * 1.1:
            raise Failure(f"restore: {self._place.disk}: should have {used * 1.1 / 1e9:.1f} GB free, as the cluster "
                          f"before is kept (got {free / 1e9:.1f} GB), raise database-disk")  # fmt: skip

    def _put_in_the_archive(self) -> int | None:
        """What is committed now stays within reach, and a commit follows the moment; its timeline, if it runs."""
        if sql(self._machine, "SELECT pg_current_xact_id()", check=False).code:
            return None
        archived(self._machine)
        return int(ask(self._machine, "SELECT timeline_id FROM pg_control_checkpoint()"))

    def _fetch(self) -> None:
        until = [f"--target={self._at:%Y-%m-%d %H:%M:%S.%f}+00", "--target-exclusive"] if self._at else []
        kind = ["--type=time", *until, "--target-action=promote"] if self._at else ["--type=default"]
        line = [f"--target-timeline={self._timeline}"] if self._timeline else []
        backrest(self._machine, self._facts, ["--delta", *kind, *line, "restore"], limit=LIMIT)

    def _look(self) -> dict[str, Any]:
        """The site's database is there and can be read."""
        last = ask(self._machine, "SELECT coalesce(pg_last_xact_replay_timestamp()::text, '')")
        tables = ask(self._machine, "SELECT count(*) FROM pg_stat_user_tables", database=self._facts.database)
        return {"last_commit": last, "tables": int(tables)}

    def _note(self) -> None:
        """What was left behind is not found again without its timeline."""
        timeline = int(ask(self._machine, "SELECT timeline_id FROM pg_control_checkpoint()"))
        to = self._at.timestamp() if self._at else time.time()
        entry = {"to": to, "done": time.time(), "timeline": max(1, timeline - 1)}
        write(_file(self._place), json.dumps([*_history(self._place), entry]) + "\n")


def _undo(machine: Machine, place: Place, facts: Facts) -> dict[str, Any]:
    found = swap.asides(place.data)
    if not found:
        raise Failure("restore --undo: nothing is set aside on this machine")
    swap.put_back(machine, swap.Unit(machine, place), found[-1], site=facts.site)
    machine.run(["systemctl", "start", "--no-block", FULL], check=False)
    return {"undone": str(found[-1])}


def _unchanged(error: BaseException) -> BaseException:
    if not isinstance(error, Failure):
        return error
    text = f"{error.cause}; the database is as it was before the restore"
    return Failure(f"restore: {text}", detail=error.detail)


def _moment(given: str | None) -> datetime | None:
    if given == "latest":
        return None
    try:
        moment = datetime.fromisoformat(given or "")
    except ValueError:
        raise Failure(f"restore: --at: should be a time such as 2026-11-20T10:00:00+00:00 (got {given!r})") from None
    if moment.tzinfo is None:
        raise Failure(f"restore: --at: should say its time zone (got {given!r})")
    return moment.astimezone(UTC)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _history(place: Place) -> list[dict[str, Any]]:
    try:
        return list(json.loads(_file(place).read_text()))
    except (FileNotFoundError, ValueError):
        return []


def _file(place: Place) -> Path:
    return place.state / "restores.json"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Failure(f"restore: {message}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="backup restore", add_help=False, allow_abbrev=False)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--at")
    what.add_argument("--undo", action="store_true")
    what.add_argument("--confirm", action="store_true")
    parser.add_argument("--timeline", type=int)
    return parser
