"""Which slot Caddy's link points at: flipped for a while, then committed, else flipped back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import caddy
from .failure import Failure
from .journal import Journal
from .machine import Machine
from .schedule import put_schedule, rest
from .site import SLOTS, Site, replace_link, write
from .state import Running, State, facts, load, locked_state, save

__all__ = [
    "begin_drain",
    "commit",
    "flip",
    "point",
    "reconcile",
    "revert",
    "settle",
    "start",
    "stop",
    "worker_seconds",
]

AGENT = "/usr/local/bin/slipway-agent"
HISTORY = 50  # releases whose order is remembered; far fewer are kept


def flip(site: Site, machine: Machine, new: Running, *, limit: float, edge: str) -> None:
    """Point the link at a new slot until `commit`, for at most `limit` seconds.

    The schedule rests meanwhile; the way back starts it again. A job that is due now is one of what will be committed.
    """
    _arm(site, machine, limit=limit)
    rest(site, machine)
    _keep(site, edge)
    with locked_state(site) as state:
        state.provisional = new
        save(site, state)
        point(site, new.slot)
    caddy.put(site, machine, edge)


def commit(site: Site, machine: Machine, new: Running) -> Running | None:
    """Make a flip stand; what was committed before. Too late is a Failure: the deadline has flipped back already.

    The deadline itself stays until `settle`: should we end before that, it starts the schedule again.
    """
    with locked_state(site) as state:
        if state.provisional != new:
            raise Failure("commit: came after the deadline, this machine has flipped back")
        before = state.committed
        state.committed, state.provisional, state.window = new, None, ""
        state.history = [*(each for each in state.history if each != new.release), new.release][-HISTORY:]
    with suppress(OSError):  # it stands
        _kept(site).unlink(missing_ok=True)
    return before


def revert(site: Site, machine: Machine) -> Running | None:
    """Flip back what was not committed; None when there is nothing to do. Run by the deadline, by hand, at boot."""
    with locked_state(site) as state:
        if failed := state.provisional:
            _flip_back(site, machine, state, failed)
    _put_schedule(site, machine)
    if not failed:
        return None
    back = _at_rest(load(site)).slot
    Journal(site, machine, release=failed.release).note("reverted", back=back)
    if failed.slot != back:
        stop(site, machine, failed.slot)
    _disarm(site, machine)
    return failed


def settle(site: Site, machine: Machine) -> None:
    """Let systemd start at the next boot, and time, what is committed, and nothing else.

    What is wanted at a boot is read at that boot: systemd need not hear of it now.
    """
    resting = _at_rest(load(site))
    wanted = _units(site, resting)
    links = site.units / "multi-user.target.wants"
    patterns = (f"{site.name}-web@*.service", f"{site.name}-worker@*.service", f"{site.name}-holding.service")
    enabled = {path.name for pattern in patterns for path in links.glob(pattern)}
    if set(wanted) - enabled:
        machine.run(["systemctl", "--quiet", "--no-reload", "enable", *wanted])
    if enabled - set(wanted):
        machine.run(["systemctl", "--quiet", "--no-reload", "disable", *sorted(enabled - set(wanted))])
    _put_schedule(site, machine)
    _disarm(site, machine)


def reconcile(site: Site, machine: Machine) -> None:
    """At boot: what is committed serves, whatever was going on before."""
    revert(site, machine)
    resting = _at_rest(load(site))
    slot, units = resting.slot, _units(site, resting)
    if site.serving() != slot:
        point(site, slot)
    # Not waited for: at boot systemd may have these in the same queue as ourselves.
    machine.run(["systemctl", "start", "--no-block", *units])
    others = [other for other in (*SLOTS, "holding") if other != slot]
    machine.run(["systemctl", "stop", "--no-block", *_whole(site, *others)], check=False)
    settle(site, machine)


def start(site: Site, machine: Machine, running: Running) -> None:
    """Start everything of a release that is in its slot still."""
    machine.run(["systemctl", "start", *_units(site, running)], check=False, limit=90)


def stop(site: Site, machine: Machine, *slots: str) -> list[str]:
    """Stop everything of these slots, whichever release started it, and forget its failures; what had to be killed.

    All of it at the same time: systemd gives each unit its own seconds, and ends it after them.
    """
    units = _whole(site, *slots)
    machine.run(["systemctl", "stop", *units], check=False, limit=None)
    killed = _killed(machine, units)
    machine.run(["systemctl", "reset-failed", *units], check=False)
    return killed


def begin_drain(site: Site, machine: Machine, slot: str) -> None:
    """Tell a slot's workers to end what they have begun, and to begin nothing more; `stop` waits for them."""
    machine.run(["systemctl", "stop", "--no-block", site.worker(slot, "*")], check=False)


def worker_seconds(site: Site) -> float:
    """How long workers of what is committed may take to end."""
    return float(facts(site, load(site).committed).get("drain", 60))


def _whole(site: Site, *slots: str) -> list[str]:
    """Everything of these slots, whichever release has started it."""
    return [unit for slot in slots for unit in (site.web(slot), site.worker(slot, "*"))]


def _killed(machine: Machine, units: Sequence[str]) -> list[str]:
    """Units that did not end in time."""
    shown = machine.run(["systemctl", "show", "-p", "Id", "-p", "Result", *units], check=False).out
    facts = [dict(line.split("=", 1) for line in each.splitlines() if "=" in line) for each in shown.split("\n\n")]
    return [each["Id"] for each in facts if each.get("Result") == "timeout" and "Id" in each]


def _flip_back(site: Site, machine: Machine, state: State, failed: Running) -> None:
    back = _at_rest(state).slot
    machine.run(["systemctl", "start", site.web(back)], check=False)
    point(site, back)
    # Before the state forgets the flip: who is killed here leaves the rest to the next one.
    _put_back(site, machine, Journal(site, machine, release=failed.release))
    state.provisional = None


def _put_schedule(site: Site, machine: Machine) -> None:
    """The jobs of what is committed, where they run: on the lead, and on a new machine once visitors come to it.

    None in a maintenance window.
    """
    with locked_state(site) as state:
        if state.window:
            return rest(site, machine)
        committed = state.committed
        if not committed or not site.release(committed.release).exists():
            return
        wanted = facts(site, committed) | ({} if committed.lead else {"schedule": {}})
        put_schedule(site, machine, slot=committed.slot, facts=wanted, start=state.arrived)


def _at_rest(state: State) -> Running:
    """What serves when nothing is under way: what is committed, or the holding page as long as a window is open."""
    return state.committed if state.committed and not state.window else Running("holding", "", "")


def _units(site: Site, running: Running) -> list[str]:
    return [site.web(running.slot), *(site.worker(running.slot, name) for name in running.workers)]


def point(site: Site, slot: str) -> None:
    """Let Caddy dial this slot, or the holding page, from the next request on."""
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
