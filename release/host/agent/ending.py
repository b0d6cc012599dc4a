"""The end of a release: tidied up when it stands, taken back when it does not, and a record of it either way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import cache, layers, record, sqlite, tidy, window
from .failure import Failure, Gone
from .site import SLOTS
from .state import Running, load, locked_state
from .switch import begin_drain, revert
from .underway import Underway, serving

__all__ = ["agree", "leave", "recorded", "tidy_up"]


def tidy_up(way: Underway, old: str) -> None:
    """The release stands; trouble from here on is a note."""
    try:
        begin_drain(way.site, way.machine, old)
        way.settle()
        with way.journal.phase("drain", way.wire.send):  # no heed: a driver that has gone changes nothing any more
            flipped = way.journal.since("flipped")
            tidy.drain(way.site, way.machine, old, limit=way.document.limits.drain, flipped=flipped)
            way.stop(*dict.fromkeys((old, "holding")))
        cache.settle(way.site, way.machine)
        way.notes += tidy.settle_in(way.site, load(way.site), at_work=way.at_work())
        way.journal.trim()
    except Exception as error:
        way.notes.append(f"released, but tidying up: {error}")


def agree(way: Underway) -> None:
    """Do what an agent that was killed after its commit has left undone; nothing, nearly always."""
    slot = way.site.serving()
    try:
        _lead(way)
        way.settle()
        way.stop(*(each for each in (*SLOTS, "holding") if each != slot))
        cache.settle(way.site, way.machine)
    except Exception as error:
        way.notes.append(f"serves already, but tidying up: {error}")


def _lead(way: Underway) -> None:
    """The same release may have another lead than when it was committed."""
    with locked_state(way.site) as state:
        if state.committed:
            state.committed = replace(state.committed, lead=way.document.lead)


def leave(way: Underway, new: Running, error: Failure | Gone) -> int:
    """Back to where we were, and say why."""
    if way.flipped:
        revert(way.site, way.machine)
    way.stop(new.slot)
    layers.sweep(way.site)
    held = window.leave(way.site, way.machine, way.document, way.answers, slot=new.slot)
    cache.settle(way.site, way.machine)
    if way.document.sqlite and not load(way.site).committed:
        sqlite.discard(way.site, way.machine)
    ahead = [*way.migrated, *(error.ahead if isinstance(error, Failure) else ())]
    way.journal.note("failed", cause=str(error), ahead=ahead)
    facts: dict[str, Any] = {"serves": serving(way.site), "ahead": ahead, "reverted": way.flipped}
    if held:
        facts["held"] = held
    if isinstance(error, Gone):
        facts["aborted"] = True
    elif error.damaged:
        facts["damaged"] = error.damaged
    detail = error.detail if isinstance(error, Failure) else []
    way.say(error=str(error), detail=detail, notes=way.notes, **facts, **recorded(way, new, f"failed: {error}"))
    return 1


def recorded(way: Underway, new: Running, decided: str) -> dict[str, Any]:
    """What is known of it afterwards; that nothing could be noted is worth a word and no more."""
    try:
        made = record.told(
            way.document,
            way.journal,
            way.machine,
            slot=new.slot,
            before=way.before,
            moved=way.moved,
            migrated=way.migrated,
            decided=decided,
            hidden=way.wire.hidden,
        )
        record.keep(way.site, made)
    except Exception as error:
        way.notes.append(f"no record was kept: {error}")
        return {}
    return {"record": made}
