"""The end of a machine's service: its certificates go to its successor, then its visitors do."""

from __future__ import annotations

import sys

from . import certificates, schedule, sqlite
from .failure import Failure, Gone
from .journal import Journal
from .lock import held
from .machine import Machine
from .site import Site
from .state import load
from .switch import AGENT, reconcile, worker_seconds
from .wire import Wire

__all__ = ["come_back", "hand_over", "leave"]

PATIENCE = 3600.0  # seconds for the release of the successor
DRAIN = 5.0  # seconds for requests under way
AWAY = 45.0  # seconds after which a machine that still stands serves again: the address has not moved
TABLE = "inet slipway-leaving"
# A connection that this machine does not answer is tried again by the visitor's own system after a second,
# and by then finds the successor; one that were opened here would break when the address moves.
HOLD = f"""table {TABLE} {{
	chain input {{
		type filter hook input priority filter - 10; policy accept;
		iif lo accept
		tcp dport {{ 80, 443 }} ct state new drop
		udp dport 443 drop
	}}
}}
"""


def hand_over(wire: Wire, machine: Machine) -> int:
    """The conversation of the verb `hand-over`: who we are, what we have, and the word to leave, if it comes."""
    try:
        site = Site(str(wire.receive(limit=60)["site"]), machine.root)
        arrived = load(site).arrived
        wire.send({"arrived": arrived, "certificates": certificates.copy(machine) if arrived else ""})
        word = wire.receive(limit=PATIENCE).get("go")
        if rested := word == "rest":
            word = _rest(wire, site, machine)
        if word != "leave":
            raise Failure(f"driver: should say leave (got {word})")
        with held(site, machine, by="hand-over"):
            leave(site, machine, for_good=rested)
        wire.send({"left": True})
        return 0
    except Gone:
        return 0
    except Failure as failure:
        wire.send({"error": failure.cause, "detail": failure.detail})
        return 1


def _rest(wire: Wire, site: Site, machine: Machine) -> str:
    """Write nothing more to a database file that the successor takes over, unless nothing comes of it."""
    try:
        with held(site, machine, by="hand-over"):
            Journal(site, machine).note("rests")
            sqlite.rest(site, machine)
        wire.send({"rested": True})
        wire.expect("seal", limit=PATIENCE)
    except (Gone, Failure):
        come_back(site, machine)
        raise
    # From here on the successor's file is the site's: to serve again with this one would lose what is written there.
    Journal(site, machine).note("sealed")
    wire.send({"sealed": True})
    return str(wire.receive(limit=PATIENCE).get("go"))


def leave(site: Site, machine: Machine, *, for_good: bool = False) -> None:
    """Stop what would be done twice, hold new connections, end the open ones in order; undone by `come_back`.

    Visitors are served here until workers and jobs have ended what they have begun: the machine goes, and they with it.
    """
    seconds = worker_seconds(site)
    ended = machine.now() + seconds
    if not for_good:
        _arm(site, machine, after=seconds + AWAY)
    Journal(site, machine).note("leaves")
    schedule.rest(site, machine)
    machine.run(["systemctl", "stop", f"{site.name}-worker@*.service"], check=False, limit=seconds + DRAIN)
    _await_jobs(site, machine, until=ended)
    if not for_good:
        _arm(site, machine, after=AWAY)
    machine.run(["nft", "-f", "-"], input=HOLD)
    machine.pause(0.1)  # a connection made just before is accepted by then
    machine.run(["systemctl", "stop", "--no-block", "caddy"])
    until = machine.now() + DRAIN
    while _serves(machine) and machine.now() < until:
        machine.pause(0.05)


def come_back(site: Site, machine: Machine) -> None:
    """Serve again, as after a boot."""
    machine.run(["nft", "delete", "table", *TABLE.split()], check=False)
    machine.run(["systemctl", "start", "caddy"], check=False)
    if (site.units / sqlite.unit(site)).exists():
        machine.run(["systemctl", "start", sqlite.unit(site)], check=False)
    reconcile(site, machine)
    Journal(site, machine).note("came back")


def _serves(machine: Machine) -> bool:
    shown = machine.run(["systemctl", "is-active", "caddy"], check=False).out.strip()
    return shown in ("active", "deactivating", "reloading")


def _await_jobs(site: Site, machine: Machine, *, until: float) -> None:
    while schedule.at_work(site, machine) and machine.now() < until:
        machine.pause(0.5)


def _arm(site: Site, machine: Machine, *, after: float) -> None:
    """A timer of systemd's own: an address that never moves must not cost the site more than a moment."""
    unit = f"slipway-come-back-{site.name}"
    machine.run(["systemctl", "stop", f"{unit}.timer"], check=False)
    command = [sys.executable or "/usr/bin/python3", AGENT, "come-back", f"--site={site.name}"]
    how = ["--quiet", "--collect", f"--unit={unit}", f"--on-active={after:.0f}"]
    machine.run(["systemd-run", *how, "--timer-property=AccuracySec=100ms", "--", *command])
