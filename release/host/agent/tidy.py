"""After a commit: the old slot serves what it has begun, then goes; old releases go when nothing needs them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from .machine import Machine
from .site import SLOTS, Site
from .state import State
from .static import forget

__all__ = ["drain", "prune"]

KEEP = 5
GRACE = 0.5  # seconds for a dial that had read the link before it was flipped


def drain(site: Site, machine: Machine, slot: str, *, limit: float) -> None:
    """Wait until nobody queues at the old slot's socket."""
    until = machine.now() + limit
    machine.pause(GRACE)
    while _queued(machine, f"/run/{site.name}-{slot}/web.sock") and machine.now() < until:
        machine.pause(0.1)


def prune(site: Site, state: State) -> list[str]:
    """Remove releases beyond the newest five, and layers and static files no kept release has; what was removed."""
    kept = set(state.history[-KEEP:])
    kept |= {running.release for running in (state.committed, state.provisional) if running}
    kept |= {site.slot(slot).resolve().name for slot in SLOTS if site.slot(slot).exists()}
    gone = [path for path in sorted(site.releases.iterdir()) if path.name not in kept]
    for path in gone:
        shutil.rmtree(path)
    needed = {digest for path in site.releases.iterdir() for digest in _layers(path)}
    unneeded = [path for path in site.layers.iterdir() if path.name not in needed and not path.name.startswith(".")]
    for path in unneeded:
        shutil.rmtree(path)
    if unneeded:
        forget(site)
    _forget_agents(site.root / "usr/local/bin/slipway-agent")
    return [path.name for path in gone]


def _forget_agents(link: Path) -> None:
    """Older agents than the one in use; this runs under the lock, so none of them is at work."""
    kept = {link.resolve(), Path(sys.argv[0]).resolve()}
    for path in link.resolve().parent.glob("agent-*.pyz"):
        if path not in kept:
            path.unlink()


def _queued(machine: Machine, socket: str) -> int:
    """Connections nobody has accepted yet."""
    for line in machine.run(["ss", "-xlnH", "src", socket], check=False).out.splitlines():
        words = line.split()
        if "LISTEN" in words:
            return int(words[words.index("LISTEN") + 1])
    return 0


def _layers(release: Path) -> list[str]:
    try:
        facts = json.loads((release / "release.json").read_text())
        return [*facts["manifest"]["layers"].values(), *facts.get("tools", {}).values()]
    except (OSError, ValueError, KeyError):
        return []
