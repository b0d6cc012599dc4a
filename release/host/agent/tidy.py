"""After a commit: the old slot serves what it has begun, then goes; old releases go when nothing needs them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from . import disk
from .failure import Failure
from .machine import Machine
from .site import SLOTS, Site
from .state import State
from .static import forget

__all__ = ["drain", "make_room", "prune", "settle_in"]

KEEP = 5
GRACE = 0.1  # seconds for a dial under way when the link was flipped; one that comes too late Caddy repeats


def drain(site: Site, machine: Machine, slot: str, *, limit: float, flipped: float = 0.0) -> None:
    """Wait until nobody queues at the old slot's socket; `flipped` seconds have passed since it lost the link."""
    until = machine.now() + limit
    machine.pause(max(0.0, GRACE - flipped))
    while _queued(machine, f"/run/{site.name}-{slot}/web.sock") and machine.now() < until:
        machine.pause(0.1)


def prune(site: Site, state: State, *, at_work: Collection[str] = (), keep: int = KEEP) -> list[str]:
    """Remove releases but the newest and those that have to stay, with what only they need; what was removed.

    Those `at_work` stay: something of theirs still runs.
    """
    kept = {*state.history[max(0, len(state.history) - keep) :], *_staying(site, state), *at_work}
    gone = [path for path in sorted(site.releases.iterdir()) if path.name not in kept]
    for path in gone:
        shutil.rmtree(path)
    unneeded = _unneeded(site, but=set())
    for path in unneeded:
        shutil.rmtree(path)
    if unneeded:
        forget(site)
    _forget_agents(site.root / "usr/local/bin/slipway-agent")
    return [path.name for path in gone]


def settle_in(site: Site, state: State, *, at_work: Collection[str] = ()) -> list[str]:
    """After a commit: five releases stay, on a disk that is tight only those that have to; what there is to say."""
    prune(site, state, at_work=at_work)
    if (found := disk.look(site.home)).full < disk.TIGHT:
        return []
    gone = prune(site, state, at_work=at_work, keep=0)
    return [f"disk: {found.full:.0%} full, so only the running release and the one before are kept"] if gone else []


def make_room(site: Site, state: State, *, sizes: Collection[int], at_work: Collection[str] = ()) -> list[str]:
    """Room for new layers, if older releases have to go for it before their time; what there is to say.

    Where even that is not enough nothing goes, and the release is refused.
    """
    needed = disk.needed(sizes)
    found = disk.look(site.home)
    lacking = found.lacks(needed)
    if not lacking and found.files < disk.FULL:
        return []
    older = {path.name for path in site.releases.iterdir()} - {*_staying(site, state), *at_work}
    freed = sum(disk.taken(path) for path in _unneeded(site, but=older))
    if lacking > freed or found.files >= disk.FULL:
        raise _no_room(site, found, needed=needed, sizes=sizes)
    gone = prune(site, state, at_work=at_work, keep=0)
    return [f"disk: {len(gone)} older releases went before their time to make room for this one"]


def _staying(site: Site, state: State) -> set[str]:
    """What runs, what is about to, what is in a slot, and the one before."""
    running = {each.release for each in (state.committed, state.provisional) if each}
    slots = {site.slot(slot).resolve().name for slot in SLOTS if site.slot(slot).exists()}
    return {*running, *slots, *state.history[-2:]}


def _unneeded(site: Site, *, but: Collection[str]) -> list[Path]:
    """Layers that no kept release has; `but` are releases that do not count as kept."""
    kept = [path for path in site.releases.iterdir() if path.name not in but]
    needed = {digest for path in kept for digest in _layers(path)}
    return [path for path in site.layers.iterdir() if path.name not in needed and not path.name.startswith(".")]


def _no_room(site: Site, found: disk.Disk, *, needed: int, sizes: Collection[int]) -> Failure:
    asked = f"{len(sizes)} new layers, {sum(sizes) >> 20} MiB, times {disk.SHARE:g} for bytecode and what is packed"
    rule = f"should be less than {disk.FULL:.0%} full and have {needed >> 20} MiB free ({asked})"
    got = f"got {found.full:.0%} full, {found.free >> 20} MiB free"
    return Failure(f"disk: {site.home}: {rule} ({got}), free some of it or take a larger server-size")


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
