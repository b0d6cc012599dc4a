"""Which slot Caddy's link points at: flipped for a while, then committed, else flipped back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from . import caddy
from .failure import Failure
from .journal import Journal
from .machine import Machine
from .site import SLOTS, Site, replace_link, write
from .state import Running, State, load, locked_state, save
from .units import put_schedule

__all__ = ["commit", "flip", "reconcile", "revert", "settle", "stop"]

AGENT = "/usr/local/bin/slipway-agent"
HISTORY = 50  # releases whose order is remembered; far fewer are kept
STOP = 100.0  # seconds; gunicorn ends after 65, systemd after 80


def flip(site: Site, machine: Machine, new: Running, *, limit: float, edge: str) -> None:
    """Point the link at a new slot until `commit`, for at most `limit` seconds."""
    _arm(site, machine, limit=limit)
    _keep(site, edge)
    with locked_state(site) as state:
        state.provisional = new
        save(site, state)
        _point(site, new.slot)
    caddy.put(site, machine, edge)


def commit(site: Site, machine: Machine, new: Running) -> Running | None:
    """Make a flip stand; what was committed before. Too late is a Failure: the deadline has flipped back already."""
    with locked_state(site) as state:
        if state.provisional != new:
            raise Failure("commit: came after the deadline, this machine has flipped back")
        before = state.committed
        state.committed, state.provisional = new, None
        state.history = [*(each for each in state.history if each != new.release), new.release][-HISTORY:]
    _disarm(site, machine)
    _kept(site).unlink(missing_ok=True)
    return before


def revert(site: Site, machine: Machine) -> Running | None:
    """Flip back what was not committed; None when there is nothing to do. Run by the deadline, by hand, at boot."""
    with locked_state(site) as state:
        failed = state.provisional
        if not failed:
            return None
        back = _committed_slot(state)
        machine.run(["systemctl", "start", site.web(back)], check=False)
        _point(site, back)
        journal = Journal(site, machine, release=failed.release)
        # Before the state forgets the flip: who is killed here leaves the rest to the next one.
        _put_back(site, machine, journal)
        state.provisional = None
    journal.note("reverted", back=back)
    if failed.slot != back:
        stop(site, machine, failed.slot)
    _disarm(site, machine)
    return failed


def settle(site: Site, machine: Machine) -> None:
    """Let systemd start at the next boot, and time, what is committed, and nothing else."""
    state = load(site)
    slot = _committed_slot(state)
    wanted = [site.web(slot), *(site.worker(slot, name) for name in _workers(state))]
    links = site.units / "multi-user.target.wants"
    patterns = (f"{site.name}-web@*.service", f"{site.name}-worker@*.service", f"{site.name}-holding.service")
    enabled = {path.name for pattern in patterns for path in links.glob(pattern)}
    if set(wanted) - enabled:
        machine.run(["systemctl", "--quiet", "--no-reload", "enable", *wanted])
    if enabled - set(wanted):
        machine.run(["systemctl", "--quiet", "--no-reload", "disable", *sorted(enabled - set(wanted))])
    if set(wanted) != enabled:
        machine.run(["systemctl", "daemon-reload"])
    if state.committed:
        facts = _facts(site, state.committed)
        put_schedule(site, machine, slot=slot, schedule=facts.get("schedule", {}), writable=facts.get("writable", []))


def reconcile(site: Site, machine: Machine) -> None:
    """At boot: what is committed serves, whatever was going on before."""
    revert(site, machine)
    state = load(site)
    slot = _committed_slot(state)
    if site.serving() != slot:
        _point(site, slot)
    units = [site.web(slot), *(site.worker(slot, name) for name in _workers(state))]
    # Not waited for: at boot systemd may have these in the same queue as ourselves.
    machine.run(["systemctl", "start", "--no-block", *units])
    others = [site.web(other) for other in (*SLOTS, "holding") if other != slot]
    machine.run(["systemctl", "stop", "--no-block", *others], check=False)
    settle(site, machine)


def stop(site: Site, machine: Machine, *slots: str) -> None:
    """Stop everything of these slots, whichever release started it, and forget its failures."""
    units = [unit for slot in slots for unit in (site.web(slot), site.worker(slot, "*"))]
    machine.run(["systemctl", "stop", *units], check=False, limit=STOP)
    machine.run(["systemctl", "reset-failed", *units], check=False)


def _committed_slot(state: State) -> str:
    return state.committed.slot if state.committed else "holding"


def _workers(state: State) -> tuple[str, ...]:
    return state.committed.workers if state.committed else ()


def _facts(site: Site, running: Running) -> dict[str, Any]:
    return dict(json.loads((site.release(running.release) / "release.json").read_text()))


def _point(site: Site, slot: str) -> None:
    replace_link(site.current, f"/run/{site.name}-{slot}/web.sock")


def _kept(site: Site) -> Path:
    """The edge as it was before the flip."""
    return site.state / "before.caddy"


def _keep(site: Site, edge: str) -> None:
    """Lay the edge aside when this flip changes it; one that a crash left behind is not ours to go back to."""
    before = site.caddy.read_text() if site.caddy.exists() else edge
    if before == edge:
        _kept(site).unlink(missing_ok=True)
    else:
        write(_kept(site), before)


def _put_back(site: Site, machine: Machine, journal: Journal) -> None:
    """The edge laid aside; when Caddy refuses it the new one stays, and the way back goes on."""
    kept = _kept(site)
    if not kept.exists():
        return
    try:
        if not caddy.put(site, machine, kept.read_text()):
            caddy.load(machine)  # who was killed here before may not have come to that
    except Failure as failure:
        journal.note("edge not put back", cause=failure.cause)
    kept.unlink()


def _timer(site: Site) -> str:
    return f"slipway-deadline-{site.name}"


def _arm(site: Site, machine: Machine, *, limit: float) -> None:
    """A timer of systemd's own: it outlives this process and this login."""
    _disarm(site, machine)
    machine.run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={_timer(site)}",
            f"--on-active={limit:.0f}",
            "--timer-property=AccuracySec=100ms",
            "--",
            sys.executable or "/usr/bin/python3",
            AGENT,
            "revert",
            f"--site={site.name}",
        ]
    )


def _disarm(site: Site, machine: Machine) -> None:
    machine.run(["systemctl", "stop", f"{_timer(site)}.timer"], check=False)
