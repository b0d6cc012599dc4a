"""`backup VERB`: each verb takes its words and gives the facts of its answer; a Failure is the other answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..agent.failure import Failure
from ..agent.machine import Machine
from .arranging import arrange
from .drill import drill, last_drill
from .dumps import drill_dump, dump, dumps_status, prepare
from .place import Place
from .repository import backrest, info
from .restore import restore
from .state import archive, disk
from .watch import outcome, watch

__all__ = ["OF_DUMPS", "VERBS", "now", "status"]

KINDS = ("full", "diff", "incr")
BACKUP_LIMIT = 24 * 3600.0


def status(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """What there is to restore, how far the archive is behind, and how full the disk is."""
    place = Place(machine.root)
    facts = place.read_facts()
    found = info(machine, facts)
    backups = found.get("backup", [])
    newest = _told(backups[-1]) if backups else None
    return {
        "stanza": facts.site,
        "newest": newest,
        "backups": len(backups),
        "oldest": backups[0]["timestamp"]["stop"] if backups else None,
        "repository": found.get("status", {}).get("message", "no stanza"),
        "archive": archive(machine, Path(facts.data)),
        "disk": disk(place.disk),
        "drill": last_drill(place),
    }


def now(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """Make a backup at once: full, diff (the default) or incr; the first one is always full."""
    kind = words[0] if words else "diff"
    if kind not in KINDS:
        raise Failure(f"backup now: should be {', '.join(KINDS)} (got {kind})")
    facts = Place(machine.root).read_facts()
    start = machine.now()
    backrest(machine, facts, [f"--type={kind}", "backup"], limit=BACKUP_LIMIT)
    made = info(machine, facts).get("backup", [])
    if not made:
        raise Failure("backup now: pgBackRest ended well and names no backup, look at /var/log/pgbackrest")
    return {"stanza": facts.site, "seconds": round(machine.now() - start, 1), "newest": _told(made[-1])}


VERBS: dict[str, Callable[[Machine, Sequence[str]], dict[str, Any]]] = {
    "status": status,
    "now": now,
    "drill": drill,
    "restore": restore,
    "watch": watch,
    "outcome": outcome,
    "arrange": arrange,
}
# on a machine whose database the cloud keeps
OF_DUMPS: dict[str, Callable[[Machine, Sequence[str]], dict[str, Any]]] = {
    "status": dumps_status,
    "now": dump,
    "prepare": prepare,
    "drill": drill_dump,
    "outcome": outcome,
    "arrange": arrange,
}


def _told(backup: Mapping[str, Any]) -> dict[str, Any]:
    stopped = backup["timestamp"]["stop"]
    return {
        "label": backup["label"],
        "kind": backup["type"],
        "at": stopped,
        "age": max(0, round(time.time() - stopped)),
        "seconds": stopped - backup["timestamp"]["start"],
        "bytes": backup["info"]["size"],
        "stored": backup["info"]["repository"]["delta"],
        "sound": not backup.get("error"),
    }
