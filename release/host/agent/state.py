"""What this machine runs, has run and is about to run: one small file, replaced in one step."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .site import Site, write

__all__ = ["Running", "State", "facts", "load", "locked_state", "save"]


@dataclass(frozen=True)
class Running:
    """A release in a slot."""

    slot: str
    release: str
    artifact: str
    workers: tuple[str, ...] = ()
    lead: bool = True  # the one of an environment's servers that runs the schedule


@dataclass
class State:
    """`provisional` is set from just before a flip until its commit or the way back.

    `window` is the release that opened a maintenance window, from before its migrations until a commit or the way back.
    """

    committed: Running | None = None
    provisional: Running | None = None
    window: str = ""
    arrived: bool = False
    history: list[str] = field(default_factory=list)
    proven: dict[str, Any] = field(default_factory=dict)  # facts that need no second look: packages, grants, TLS mode


def load(site: Site) -> State:
    """The state on disk; none yet is an empty one."""
    try:
        raw = json.loads((site.state / "state.json").read_text())
    except FileNotFoundError:
        return State()
    known = {each.name for each in fields(State)}
    raw = {key: value for key, value in raw.items() if key in known}
    return State(**{**raw, "committed": _running(raw["committed"]), "provisional": _running(raw["provisional"])})


def facts(site: Site, running: Running | None) -> dict[str, Any]:
    """What a release has left about itself; nothing of none."""
    if not running:
        return {}
    return dict(json.loads((site.release(running.release) / "release.json").read_text()))


def save(site: Site, state: State) -> None:
    """Replace the state on disk."""
    write(site.state / "state.json", json.dumps(asdict(state), indent=1) + "\n", mode=0o600)


@contextmanager
def locked_state(site: Site) -> Iterator[State]:
    """Change the state while nobody else does; saved at the end. Held for moments: a flip, a commit, the way back."""
    site.state.mkdir(parents=True, exist_ok=True)
    with open(site.state / "state.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = load(site)
        yield state
        save(site, state)


def _running(raw: dict[str, Any] | None) -> Running | None:
    return Running(**{**raw, "workers": tuple(raw["workers"])}) if raw else None
