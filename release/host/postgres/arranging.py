"""`backup arrange`: dumps of a database that the cloud keeps, every week, and a drill of the newest."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from ..agent.failure import Failure
from ..agent.machine import Machine
from .care import tell
from .dumps import facts_file
from .files import put, put_text
from .place import Place

__all__ = ["arrange"]

TIMES = {"dump": "Sun *-*-* 02:00:00", "dump-drill": "Sun *-*-* 05:00:00"}
VERBS = {"dump": ("now", "backup"), "dump-drill": ("drill", "drill")}
# A drill becomes the user postgres, and hands it files; what it restores with is installed outside of its sandbox.
MORE = {
    "dump": "CapabilityBoundingSet=\nPrivateUsers=yes\nUMask=0077",
    "dump-drill": "ExecStartPre=+/usr/local/lib/slipway/backup prepare\n"
    "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETUID CAP_SETGID\n"
    "SystemCallFilter=@chown @setuid capset",
}


def arrange(machine: Machine, words: Sequence[str]) -> dict[str, Any]:
    """Write down what is dumped, and when; the document comes on stdin. Nothing is dumped yet."""
    raw = json.loads(sys.stdin.readline() or "{}")
    if not {"site", "database", "bucket"} <= raw.keys():
        raise Failure("document: site, database and bucket are required, as the program of this checkout sends them")
    place = Place(machine.root)
    changed = put_text(facts_file(place), json.dumps(raw, sort_keys=True) + "\n", mode=0o600)
    put(place.tools / "backup", "backup.sh", mode=0o755)
    units = [
        put(place.units / f"slipway-{name}.{kind}", f"weekly.{kind}", verb=verb, at=at, name=heard, more=MORE[name])
        for (name, at), (verb, heard) in zip(TIMES.items(), VERBS.values(), strict=True)
        for kind in ("service", "timer")
    ]
    if any(units):
        machine.run(["systemctl", "daemon-reload"])
        machine.run(["systemctl", "enable", "--quiet", "--now", *(f"slipway-{name}.timer" for name in TIMES)])
    told = tell(place, str(raw.get("notify") or ""))
    return {"changed": ["dumps"] * (changed or any(units)) + ["notify"] * told}
