"""`backup watch` every few minutes, `backup outcome NAME` after each timer's work: a person hears of trouble once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..agent.failure import Failure
from ..agent.machine import Machine
from ..notify import Troubles, Unsent
from .drill import last_drill
from .dumps import Dumps, facts_file
from .place import Place
from .repository import info
from .restore import KEPT_SECONDS, give_up
from .running import sql
from .state import archive, disk

__all__ = ["outcome", "watch"]

BEHIND = 300  # seconds; the archive is a minute behind at most when all is well
FULL = 90  # percent
BACKUP_AGE = 36 * 3600  # backups are daily
DRILL_AGE = 9 * 24 * 3600  # drills are weekly
DROPPED = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d+ .*dropped WAL file", re.MULTILINE)
Check = Callable[[], str | None]


def watch(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """Look at everything; what is wrong, and which messages went out now."""
    look = _Look(machine)
    found = dict(look.all())
    sent = _report(look.troubles, found)
    return {"wrong": {name: text for name, text in found.items() if text}, "sent": sent}


def outcome(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """How a unit ended, as systemd tells those it runs after it; a good backup gives up what a restore set aside."""
    name = words[0] if words else "backup"
    result = os.environ.get("SERVICE_RESULT", "success")
    place = Place(machine.root)
    site = Dumps.read(place).site if facts_file(place).exists() else place.read_facts().site
    text = None if result == "success" else _why(place, name, result)
    if name == "backup" and text is None:
        give_up(place, older=KEPT_SECONDS)
    return {"sent": _report(troubles(place, site), {name: text})}


def troubles(place: Place, site: str) -> Troubles:
    """What has been told, kept on the disk that outlives the machine."""
    return Troubles(root=place.root, site=site, file=place.state / "troubles.json")


def _why(place: Place, name: str, result: str) -> str:
    known = (last_drill(place) or {}).get("error") if name == "drill" else None
    return f"failed: {known or f'{result}, see journalctl -u slipway-* on the machine'}"


def _report(told: Troubles, found: dict[str, str | None]) -> list[str]:
    """A message that does not get through must not keep the others back."""
    sent, unsent = [], []
    for name, text in found.items():
        try:
            if message := told.report(name, text):
                sent.append(message)
        except Unsent as error:
            unsent.append(str(error))
    if unsent:
        raise Failure(unsent[0])
    return sent


class _Look:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._place = Place(machine.root)
        self._facts = self._place.read_facts()
        self.troubles = troubles(self._place, self._facts.site)

    def all(self) -> Iterator[tuple[str, str | None]]:
        """Every check by its name."""
        checks: dict[str, Check] = {
            "database": self._database,
            "archive": self._archive,
            "disk": self._disk,
            "backup age": self._backups,
            "drill age": self._drills,
        }
        for name, check in checks.items():
            try:
                yield name, check()
            except Failure as failure:
                yield name, failure.cause

    def _database(self) -> str | None:
        return "Postgres does not answer" if sql(self._machine, "SELECT 1", check=False).code else None

    def _archive(self) -> str | None:
        found = archive(self._machine, Path(self._facts.data))
        if found["behind"] <= BEHIND:
            return None
        return f"is {found['behind'] // 60} minutes behind, {found['queue']} pieces of the log wait for the bucket"

    def _disk(self) -> str | None:
        """The data's disk and the machine's own."""
        full = {str(path): disk(path)["percent"] for path in (self._place.disk, self._machine.root)}
        worst = max(full, key=lambda path: full[path])
        return f"{worst} is {full[worst]} % full" if full[worst] > FULL else None

    def _backups(self) -> str | None:
        backups = info(self._machine, self._facts).get("backup", [])
        if not backups:
            return "there is no backup yet" if self._age_of_facts() > BACKUP_AGE else None
        newest = backups[-1]["timestamp"]
        if (gap := self._dropped()) > newest["start"]:
            when = datetime.fromtimestamp(gap, UTC)
            return f"the log has a gap since {when:%Y-%m-%d %H:%M} UTC, only a new backup closes it: slipway backup now"
        age = time.time() - newest["stop"]
        return f"the newest is {age / 3600:.0f} hours old" if age > BACKUP_AGE else None

    def _drills(self) -> str | None:
        done = (last_drill(self._place) or {}).get("done")
        age = time.time() - done if done else self._age_of_facts()
        return f"the last one was {age / 86400:.0f} days ago" if age > DRILL_AGE else None

    def _age_of_facts(self) -> float:
        return time.time() - self._place.facts.stat().st_mtime

    def _dropped(self) -> float:
        """When pgBackRest last gave up a piece of the log, so that a dead bucket did not fill the disk."""
        log = self._place.root / f"var/log/pgbackrest/{self._facts.site}-archive-push-async.log"
        times = DROPPED.findall(log.read_text(errors="replace")) if log.exists() else []
        # pgBackRest writes the machine's own time
        return time.mktime(time.strptime(times[-1], "%Y-%m-%d %H:%M:%S")) if times else 0.0
