"""The verbs beside `release`: a look at the machine, a command in the site's sandbox, the address has arrived."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import authority, caddy, certificates, closed, sandbox
from .failure import Failure
from .interpreter import interpreter
from .journal import Journal
from .lock import held
from .machine import Machine
from .site import SLOTS, Site
from .state import Running, facts, load, locked_state
from .switch import settle
from .units import home_of
from .wire import Wire

__all__ = ["arrive", "enter", "logs", "only_site", "status"]


def only_site(root: Path, name: str | None) -> Site:
    """The site named, or the only one there is."""
    known = sorted(path.name for path in (root / "var/lib/slipway-agent").glob("*") if path.is_dir())
    if name in known:
        return Site(name, root)
    if name is None and len(known) == 1:
        return Site(known[0], root)
    raise Failure(f"--site: should be one of {', '.join(known) or 'none yet'} (got {name})")


def arrive(wire: Wire, machine: Machine) -> int:
    """The address points here: HTTPS for the site's names from now on. Says which certificates are there."""
    try:
        document = wire.receive(limit=60)
        site = Site(str(document["site"]), machine.root)
        with held(site, machine, by="arrive"):
            wire.send(_arrive(site, machine, document))
        return 0
    except Failure as failure:
        wire.send({"error": failure.cause, "detail": failure.detail})
        return 1


def _arrive(site: Site, machine: Machine, document: Mapping[str, Any]) -> dict[str, Any]:
    hosts, start = tuple(map(str, document["hosts"])), time.time()
    told = facts(site, _committed(site))
    before = certificates.statuses(site, hosts)
    text = caddy.render(
        site=site.name,
        hosts=hosts,
        max_upload=told["max_upload"],
        media=told["media"],
        arrived=True,
        password=closed.known(site) if told.get("closed") else "",
    )
    changed = caddy.put(site, machine, text)
    with locked_state(site) as state:
        state.arrived = True
    settle(site, machine)  # the schedule: until now it ran on the machine that visitors came to
    Journal(site, machine, release=told["release"]).note("arrived", hosts=list(hosts), changed=changed)
    here = [host for host in hosts if host in document.get("here", ()) or authority.points(host, document["address"])]
    lacking = [host for host in here if before[host] == "waiting"]
    if lacking and not changed:
        caddy.load(machine)  # refused before, it would ask again in minutes or hours; a new start asks now
    refused = authority.wait(
        machine,
        lacking=lambda: [host for host in lacking if certificates.statuses(site, [host])[host] == "waiting"],
        since=start,
        limit=float(document.get("wait", 0)),
    )
    return {
        "arrived": True,
        "release": told["release"],
        "changed": changed,
        "here": here,
        "certificates": certificates.statuses(site, hosts),
        "store": certificates.news(site, machine),
        "awaited": [host for host, status in before.items() if status == "waiting"],
        "refused": refused,
    }


def enter(site: Site, *, verb: str, command: Sequence[str]) -> NoReturn:
    """Become a command in the sandbox of the slot that serves; its exit code is ours."""
    running = _committed(site)
    python = interpreter(site, home_of(site, running.slot))
    if verb == "manage":
        command = [python, "-m", "django", *command]
    if verb == "db":
        command = [python, "-m", "slipway_data", *command]
    argv = sandbox.argv(
        site,
        slot=running.slot,
        verb=verb,
        command=command or ["/bin/bash"],
        writable=facts(site, running).get("writable", []),
        beside=[str(Path(sys.argv[0]).resolve())] if verb == "db" else (),
        how=("--pty", "--pipe"),
    )
    plain = {"SYSTEMD_ADJUST_TERMINAL_TITLE": "0", "SYSTEMD_TINT_BACKGROUND": "0"}
    os.execvpe(argv[0], argv, {**os.environ, **plain})


def logs(site: Site, *, lines: int, follow: bool, since: str) -> NoReturn:
    """Become journalctl for everything that carries the site's name."""
    argv = ["journalctl", "--no-pager", "--quiet", "--output=short-iso", f"--unit={site.name}-*", f"--lines={lines}"]
    argv += ["--follow"] * follow + [f"--since={since}"] * bool(since)
    os.execvp(argv[0], argv)


def status(site: Site, machine: Machine) -> dict[str, Any]:
    """What runs here, as this machine knows it."""
    state = load(site)
    running = state.committed
    units = [site.web(slot) for slot in (*SLOTS, "holding")]
    units += [site.worker(running.slot, name) for name in running.workers] if running else []
    shown = machine.run(["systemctl", "is-active", "caddy.service", *units], check=False).out.split()
    return {
        "site": site.name,
        "artifact": running.artifact if running else None,
        "release": running.release if running else None,
        "slot": running.slot if running else None,
        "serving": site.serving(),
        "provisional": state.provisional.release if state.provisional else None,
        "window": state.window,
        "arrived": state.arrived,
        "hosts": facts(site, running).get("hosts", []) if running else [],
        "kept": [each for each in state.history if site.release(each).is_dir()],
        "units": dict(zip(["caddy.service", *units], shown, strict=False)),
        "agent": Path(sys.argv[0]).resolve().stem,
        "journal": Journal(site, machine).last(10),
    }


def _committed(site: Site) -> Running:
    committed = load(site).committed
    if not committed:
        raise Failure(f"{site.name}: has no release on this machine yet, run pulumi up")
    return committed
