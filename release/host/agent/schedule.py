"""A site's scheduled jobs: on the lead alone, each with the files of one release from its start to its end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .interpreter import interpreter
from .machine import Machine
from .site import Site
from .units import beside, module_line, put

__all__ = ["at_work", "enabled", "in_utc", "put_schedule", "rest"]

ZONE = re.compile(r".*\s(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)+)\s*")


def put_schedule(site: Site, machine: Machine, *, slot: str, facts: Mapping[str, Any], start: bool) -> None:
    """Write the timers of a release, take away those it does not have, and start the rest.

    A timer that stands still since `rest` runs at once what was due meanwhile. A job that runs is left alone.
    """
    schedule = facts.get("schedule", {})
    changed = _clear(site, machine, {f"{site.schedule(name)}.timer" for name in schedule})
    for name, item in schedule.items():
        values = _values(site, slot, facts, name=name, item=item)
        for kind in ("service", "timer"):
            changed |= put(site.units / f"{site.schedule(name)}.{kind}", f"schedule.{kind}", **values)
    if changed:
        machine.run(["systemctl", "daemon-reload"])
    if schedule and start:
        _start(site, machine, sorted(f"{site.schedule(name)}.timer" for name in schedule))


def rest(site: Site, machine: Machine) -> None:
    """Start no job for a moment: what is due meanwhile is started once, by the timer when it runs again."""
    if timers := enabled(site):
        machine.run(["systemctl", "stop", *timers], check=False)


def enabled(site: Site) -> list[str]:
    """The timers that a boot starts."""
    return sorted(path.name for path in site.units.glob(f"timers.target.wants/{site.name}-schedule-*.timer"))


def at_work(site: Site, machine: Machine) -> set[str]:
    """Releases of which a job still runs: their files are its own until it ends."""
    argv = ["systemctl", "show", "--value", "-p", "MainPID", f"{site.name}-schedule-*.service"]
    environments = [_environment(site, pid) for pid in machine.run(argv, check=False).out.split() if pid != "0"]
    return {found for each in environments for found in re.findall(rf"/srv/{site.name}/releases/([^/:\0]+)/", each)}


def in_utc(at: str) -> str:
    """A time with the zone it is meant in, so that the machine's own does not matter."""
    return at if ZONE.fullmatch(at) else f"{at} UTC"


def _values(site: Site, slot: str, facts: Mapping[str, Any], *, name: str, item: Mapping[str, str]) -> dict[str, str]:
    home = f"/srv/{site.name}/releases/{facts['release']}"
    return {
        "site": site.name,
        "slot": slot,
        "home": home,
        "name": name,
        "command": module_line(item["run"]),
        "at": in_utc(item["at"]),
        "binds": "\n".join(beside(site, home=home, writable=facts.get("writable", []))),
        "python": interpreter(site, home),
    }


def _clear(site: Site, machine: Machine, wanted: set[str]) -> bool:
    """Take timers away that are not wanted, and what systemd remembers of them: one that comes back owes no run."""
    gone = sorted({path.name for path in site.units.glob(f"{site.name}-schedule-*.timer")} - wanted)
    if gone:
        machine.run(["systemctl", "disable", "--now", *gone], check=False)
        machine.run(["systemctl", "clean", "--what=state", *gone], check=False)
    for name in gone:
        (site.units / name).unlink(missing_ok=True)
        (site.units / name.replace(".timer", ".service")).unlink(missing_ok=True)
    return bool(gone)


def _start(site: Site, machine: Machine, timers: Sequence[str]) -> None:
    if set(timers) - set(enabled(site)):
        machine.run(["systemctl", "--quiet", "--no-reload", "enable", *timers])
    # Not waited for: at boot systemd may have these in the same queue as ourselves.
    machine.run(["systemctl", "start", "--no-block", *timers])


def _environment(site: Site, pid: str) -> str:
    try:
        return (site.root / "proc" / pid / "environ").read_text(errors="replace")
    except OSError:  # it has ended
        return ""
