"""pgBackRest made ready: its configuration, the stanza, the proof that the bucket takes, timers, a first backup."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

from ..agent.failure import Failure
from ..agent.machine import Machine
from .document import Document
from .files import put
from .place import Facts, Place
from .repository import backrest, info
from .running import OWNER
from .sizing import queue

__all__ = ["begin", "configure", "prove"]

FULL = "slipway-backup-full.service"
TIMES = {"full": "Sun *-*-* 02:00:00", "diff": "Mon..Sat *-*-* 02:00:00"}


def configure(place: Place, machine: Machine, document: Document, facts: Facts) -> list[str]:
    """Write everything pgBackRest and its timers read; what has changed. Before Postgres starts to archive."""
    backup, disk = document.backup, shutil.disk_usage(place.disk).total
    at = urlsplit(backup.endpoint)
    values = {**vars(backup), "endpoint": at.netloc, "site": facts.site, "data": facts.data, "queue": queue(disk)}
    changed = put(place.repository, "pgbackrest.conf", mode=0o640, group=OWNER, **values)
    put(place.tools / "backup", "backup.sh", mode=0o755)
    timers = [f"slipway-backup-{kind}.timer" for kind in TIMES]
    units = [
        put(place.units / f"slipway-backup-{kind}.{what}", f"backup.{what}", kind=kind, at=time)
        for kind, time in TIMES.items()
        for what in ("service", "timer")
    ]
    if any(units):
        machine.run(["systemctl", "daemon-reload"])
        machine.run(["systemctl", "enable", "--quiet", "--now", *timers])
    return ["backups"] * (changed or any(units))


def prove(machine: Machine, facts: Facts, *, changed: bool) -> list[str]:
    """Have a stanza, and see one segment arrive in the bucket."""
    found = info(machine, facts)
    missing = not found.get("db")
    if missing:
        backrest(machine, facts, ["stanza-create"], limit=300)
    if missing or changed:
        _check(machine, facts, empty=not found.get("backup"))
    return ["stanza"] * missing


def _check(machine: Machine, facts: Facts, *, empty: bool) -> None:
    try:
        backrest(machine, facts, ["check"], limit=300)
    except Failure as failure:
        if "match" not in failure.cause:
            raise
        if empty:  # the one before was lost before its first backup: nothing of it can come back
            backrest(machine, facts, ["stanza-upgrade"], limit=300)
            return _check(machine, facts, empty=False)
        way_out = "the bucket has the backups of another database: slipway backup restore brings that one back"
        raise Failure(f"{failure.cause}, {way_out}", detail=failure.detail) from None


def begin(machine: Machine, facts: Facts) -> list[str]:
    """Without any backup the first one starts now, and `up` does not wait for it."""
    if info(machine, facts).get("backup") or _at_work(machine):
        return []
    machine.run(["systemctl", "start", "--no-block", FULL])
    return ["first backup started"]


def _at_work(machine: Machine) -> bool:
    return machine.run(["systemctl", "show", "-p", "ActiveState", "--value", FULL]).out.strip() == "activating"
