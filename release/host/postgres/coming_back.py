"""A cluster that was just made, in an environment whose bucket has backups: its data was lost, and comes back."""

from __future__ import annotations

from ..agent.machine import Machine
from . import swap
from .place import Facts, Place
from .repository import backrest, info

__all__ = ["come_back"]

LIMIT = 24 * 3600.0


def come_back(place: Place, machine: Machine, facts: Facts) -> list[str]:
    """Bring back the last commit that the bucket has; a bucket is one stack's, so no other database is in it.

    What stopped half-way is found by its mark and done again: nothing has been written into this cluster yet.
    """
    if not place.blank.exists():
        return []
    brought = bool(info(machine, facts).get("backup"))
    if brought:
        unit = swap.Unit(machine, place)
        unit.stop()
        backrest(machine, facts, ["--delta", "--type=default", "restore"], limit=LIMIT)
        unit.start(log_of="the database out of the bucket")
        swap.forget_recovery(machine)
    place.blank.unlink()
    return ["brought back from the bucket"] * brought
