"""The releases that are kept on this machine, and which of them the database still lets serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import sandbox, schema
from .failure import Failure
from .journal import Journal
from .machine import Machine
from .site import Site
from .state import Running, State, load

__all__ = ["releases"]

LOOK = 60.0
LINES = 10_000  # of the journal


def releases(site: Site, machine: Machine) -> dict[str, Any]:
    """What is kept, newest first: artifact, since when, state, and whether the site could go back to it."""
    state = load(site)
    applied, silent = _applied(site, machine, state.committed)
    happened = _happened(site, machine)
    found = [
        {
            **facts,
            **_back(site, facts["release"], state=_state(state, facts["release"]), applied=applied, silent=silent),
            "at": happened.get(facts["release"], {}).get("at", ""),
        }
        for facts in _kept(site)
    ]
    return {"window": state.window, "releases": sorted(found, key=lambda each: str(each["at"]), reverse=True)}


def _kept(site: Site) -> list[dict[str, str]]:
    found = []
    for path in sorted(site.releases.glob("*/release.json")):
        facts = json.loads(path.read_text())
        found.append({"release": str(facts["release"]), "artifact": str(facts["artifact"])})
    return found


def _state(state: State, release: str) -> str:
    if state.committed and state.committed.release == release:
        return "waits" if state.window else "serving"
    before = [each for each in state.history if not state.committed or each != state.committed.release]
    return "failed" if release not in before else "previous" if release == before[-1] else "kept"


def _back(site: Site, release: str, *, state: str, applied: Mapping[str, str] | None, silent: str) -> dict[str, str]:
    """Whether it can serve again: yes, no, or nobody can tell; and why."""
    own, seen = schema.known(site, release), schema.remembered(site)
    if state in ("serving", "waits", "failed"):
        why = {"serving": "it serves", "waits": "it waits for the end of a maintenance window"}
        return {"state": state, "back": "", "because": why.get(state, "it has never served")}
    if applied is None or own.uses is None:
        why_not = f"the database could not be asked ({silent})" if applied is None else "it was made by an older agent"
        return {"state": state, "back": "cannot tell", "because": why_not}
    later = [schema.judge(name, seen.get(name), own) for name in schema.ahead(applied, own.migrations)]
    broken = "; ".join(f"{each.name} {each.why}" for each in later if each.breaking)
    unsure = "; ".join(str(each) for each in later if each.kind == "cannot tell")
    return {"state": state, "back": "no" if broken else "yes", "because": broken or unsure}


def _applied(site: Site, machine: Machine, running: Running | None) -> tuple[dict[str, str] | None, str]:
    """The database's migrations, and why they are not known when they are not."""
    if not running:
        return None, "nothing has been released here"
    facts = json.loads((site.release(running.release) / "release.json").read_text())
    try:
        writable = facts.get("writable", [])
        found = sandbox.django(site, machine, slot=running.slot, verb="schema", writable=writable, limit=LOOK)
    except Failure as failure:
        return None, failure.cause
    return dict(found["applied"]), ""


def _happened(site: Site, machine: Machine) -> dict[str, dict[str, Any]]:
    """The last word of the journal about each release: when it was committed, or failed."""
    entries = Journal(site, machine).last(LINES)
    return {each["release"]: each for each in entries if each["event"] in ("committed", "failed")}
