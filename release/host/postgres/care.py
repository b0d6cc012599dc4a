"""Who looks after the backups: a drill every week, a watch every few minutes, and where they are heard."""

from __future__ import annotations

from ..agent.machine import Machine
from ..notify import PLACE
from .files import put, put_text
from .place import Place

__all__ = ["configure", "tell"]

JOBS = ("drill", "watch")


def configure(place: Place, machine: Machine, *, notify: str) -> list[str]:
    """Write timers, and whom they tell; what has changed."""
    units = [
        put(place.units / f"slipway-{job}.{kind}", f"{job}.{kind}") for job in JOBS for kind in ("service", "timer")
    ]
    if any(units):
        machine.run(["systemctl", "daemon-reload"])
        machine.run(["systemctl", "enable", "--quiet", "--now", *(f"slipway-{job}.timer" for job in JOBS)])
    told = tell(place, notify)
    return ["drill and watch"] * any(units) + ["notify"] * told


def tell(place: Place, notify: str) -> bool:
    """Whom to tell, for root alone; whether that has changed."""
    path = place.root / PLACE
    if notify:
        return put_text(path, notify + "\n", mode=0o600)
    there = path.exists()
    path.unlink(missing_ok=True)
    return there
