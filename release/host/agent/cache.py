"""The site's cache: Debian's Valkey behind a unix socket of the site's own, in memory, from release to release."""

from __future__ import annotations

from .failure import Failure
from .fitting import cache_of
from .machine import Machine
from .packages import install
from .site import Site
from .state import facts, load
from .units import put

__all__ = ["address", "keep", "settle"]

PACKAGE, DEBIANS = "valkey-server", "valkey-server.service"
# What a server needs beside the values it holds; past it the kernel ends it, and it begins again empty.
OVERHEAD = 64


def address(site: Site) -> str:
    """Where the site finds it, as redis-py and Django write a socket."""
    return f"unix:///run/{site.name}-cache/valkey.sock"


def keep(site: Site, machine: Machine, *, mib: int) -> None:
    """Have it run; one that runs as it should is not touched."""
    if not (site.units / DEBIANS).is_symlink():
        machine.run(["systemctl", "mask", DEBIANS])  # Debian's own would listen on a port, for everybody here
    install(machine, [PACKAGE])
    memory = cache_of(mib)
    values = {"site": site.name, "memory": str(memory), "most": str(memory * 3 // 2 + OVERHEAD)}
    changed = put(site.units / _unit(site), "cache.service", **values)
    if changed:
        machine.run(["systemctl", "daemon-reload"])
    if changed or not (site.units / "multi-user.target.wants" / _unit(site)).exists():
        machine.run(["systemctl", "--quiet", "--no-reload", "enable", _unit(site)])
    done = machine.run(["systemctl", "restart" if changed else "start", _unit(site)], check=False, limit=60)
    if done.code:
        said = machine.run(["journalctl", "-q", "--no-pager", "-o", "cat", "-n", "20", "-u", _unit(site)], check=False)
        raise Failure(f"cache: {(said.lines or done.lines or ['does not start'])[-1]}", detail=said.lines)


def settle(site: Site, machine: Machine) -> None:
    """Take it away, with what is in it, when what is committed has none; the package stays, as others do."""
    if not (site.units / _unit(site)).exists() or facts(site, load(site).committed).get("cache"):
        return
    machine.run(["systemctl", "disable", "--now", _unit(site)], check=False)
    (site.units / _unit(site)).unlink()
    machine.run(["systemctl", "daemon-reload"], check=False)


def _unit(site: Site) -> str:
    return f"{site.name}-cache.service"
