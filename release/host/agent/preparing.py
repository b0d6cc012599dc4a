"""Everything of a release up to a passed gate; nobody is served by it yet."""

from __future__ import annotations

import os
from typing import Any

from . import (
    before,
    cache,
    certificates,
    closed,
    database,
    layers,
    owner,
    recall,
    releases,
    sandbox,
    schema,
    sqlite,
    static,
    tidy,
    units,
    window,
)
from .failure import Failure
from .gate import pass_gate
from .packages import install
from .state import Running, load, locked_state
from .switch import stop
from .underway import Underway, memory

__all__ = ["prepare"]

PREFLIGHT = 120.0
MIGRATE = 1800.0
PGOPTIONS = "-c lock_timeout=10s -c statement_timeout=15min"


def prepare(way: Underway, new: Running) -> None:
    """Fetch, look, migrate, start, gate; what goes wrong is a Failure, and what serves is not touched by it."""
    stop(way.site, way.machine, new.slot)
    layers.sweep(way.site)  # what an agent that was killed has left
    way.prune()
    with way.phase("fetch"):
        fetched = _fetch(way)
    with way.phase("compile"):
        layers.settle(way.site, way.machine, fetched, wanted=way.document.layers)
    with way.phase("packages"):
        install(way.machine, way.document.packages)
    if way.document.cache:
        with way.phase("cache"):
            cache.keep(way.site, way.machine, mib=memory())
    if way.document.sqlite:
        with way.phase("database"):
            _bring_database(way, way.document.sqlite)
    if owner.wanted(way.document):
        with way.phase("login"):
            owner.let_in(way.site, way.machine, way.document)
    with way.phase("preflight"):
        plan = _preflight(way, new.slot)
    if way.document.lead:
        _migrate(way, new.slot, plan)
        _before(way, new.slot)
    with way.phase("static"):
        static.merge(way.site, way.document.layers["static"], hashed=True)
    with way.phase("start"):
        _start(way, new)
    with way.phase("gate"):
        gate = (way.site, way.machine, way.document)
        pass_gate(*gate, slot=new.slot, answers=way.answers, heed=way.wire.heed, warm=not way.returns)
    if certificates.wanted(way.site, way.document.hosts):
        with way.phase("certificates"):
            way.notes += certificates.inherit(way.wire, way.machine)


def _fetch(way: Underway) -> list[str]:
    lacking = layers.missing(way.site, {**way.document.layers, **way.document.tools})
    sizes = way.document.sizes
    if lacking:
        new = [sizes.get(digest, 0) for digest in lacking]
        way.notes += tidy.make_room(way.site, load(way.site), sizes=new, at_work=way.at_work())
    way.journal.note("fetch", layers=len(lacking))
    unfit = _bring(way, lacking, here=layers.here(way.site))
    if unfit:  # what lies here is not as it was unpacked, or a patch over it is damaged: from a whole one on
        way.journal.note("fetch anew", layers=len(unfit))
        _bring(way, unfit, here=[])
    return lacking


def _bring(way: Underway, need: list[str], *, here: list[str]) -> list[str]:
    """Ask for the pieces of these layers and fetch them; which of them do not fit what is here."""
    way.say(need=need, here=here, arrived=load(way.site).arrived)
    pieces = way.wire.receive(limit=60).get("pieces", {})
    if unnamed := {digest for digest in need if not pieces.get(digest)}:
        raise Failure(f"driver: should send the pieces of every layer (none for {sorted(unnamed)[0][:12]})")
    ways = {digest: pieces[digest] for digest in need}
    fetched = layers.fetch(way.site, way.machine, ways=ways, sizes=way.document.sizes, heed=way.wire.heed)
    way.moved += fetched.moved
    return fetched.unfit


def _bring_database(way: Underway, wanted: dict[str, Any]) -> None:
    """The file, with all that was written to it elsewhere, before anything of the site can open it."""
    where = {"bucket": wanted["bucket"], "layer": way.document.tools["litestream"]}
    if sqlite.is_new(way.site):
        way.wire.send({"want": "rest"})  # another machine may be writing still
        way.notes += way.wire.receive(limit=180).get("notes", [])
        if sqlite.restore(way.site, way.machine, **where):
            way.notes.append("database: restored from its copy in the bucket")
    sqlite.copy(way.site, way.machine, **where)


def _preflight(way: Underway, slot: str) -> list[str]:
    document = way.document
    seen = _look(way)
    way.sslmode = seen.mode if seen else ""
    connections = seen.connections if seen else None
    releases.refuse_unfitting(document, mib=memory(), connections=connections)
    releases.assemble(way.site, document, mib=memory(), cpus=os.cpu_count() or 1, connections=connections)
    env = releases.environment(way.site, document, slot=slot, sslmode=way.sslmode)
    releases.occupy(way.site, document, slot=slot, env=env)
    way.password = closed.hashed(way.site, way.machine, document.staging_password)
    # Rendered before anything is touched: a wrong limit or host is found now.
    way.edge()
    workers, writable = document.workers, document.writable
    units.put_slot(way.site, way.machine, slot=slot, workers=workers, writable=writable, drain=document.drain)
    found = _found(way, slot)
    if document.cache and not found.get("speaks to a cache", True):
        way.notes.append("cache: nothing of this artifact speaks to it, add redis to the project's dependencies")
    way.journal.note(
        "preflight", plan=found.get("plan", []), overrides=found.get("overrides", []), recalled=way.returns
    )
    way.notes += schema.fit(way.site, way.document, found, way.wire)
    way.wire.heed()
    return list(found.get("plan", []))


def _found(way: Underway, slot: str) -> dict[str, Any]:
    """What the project's own Django finds, or, of a release that has served here, its database alone."""
    found = recall.recall(way.site, way.machine, way.document, mode=way.sslmode)
    way.returns = found is not None
    if found is not None:
        return found
    writable = way.document.writable
    return sandbox.django(way.site, way.machine, slot=slot, verb="preflight", writable=writable, limit=PREFLIGHT)


def _look(way: Underway) -> database.Seen | None:
    """How far the certificate can be verified, and how many connections there are."""
    wanted = way.document.database
    if not wanted:
        return None
    seen = database.look(way.site, way.machine, wanted)
    if seen.mode != "verify-full":
        way.notes.append(f"database: the certificate is its own but not made out to {wanted.host}: {seen.mode}")
    return seen


def _migrate(way: Underway, slot: str, plan: list[str]) -> None:
    wanted = way.document.database
    known = database.fingerprint(wanted) if wanted else ""
    if wanted and (plan or load(way.site).proven.get("grants") != known):
        with way.phase("grants"):
            database.grant(way.site, way.machine, wanted, mode=way.sslmode)
            _prove(way, "grants", known)
    if not plan:
        return
    if way.document.maintenance:
        with way.phase("holding"):
            window.open_window(way.site, way.machine, way.document, way.answers)
    with way.phase("migrate"):
        env = {"PGOPTIONS": PGOPTIONS}
        writable = way.document.writable
        done = sandbox.django(
            way.site, way.machine, slot=slot, verb="migrate", writable=writable, env=env, limit=MIGRATE
        )
        way.migrated = list(done["applied"])
        schema.note_migrated(way.site, way.document.release, done.get("database", {}))
    way.journal.note("migrated", applied=way.migrated)
    way.wire.heed()


def _before(way: Underway, slot: str) -> None:
    """The project's own commands, once per environment."""
    commands = way.document.before_release
    if commands:
        with way.phase("before-release"):
            before.run(way.site, way.machine, slot=slot, commands=commands, writable=way.document.writable)


def _start(way: Underway, new: Running) -> None:
    workers = [way.site.worker(new.slot, name) for name in new.workers]
    done = way.machine.run(["systemctl", "start", way.site.web(new.slot), *workers], check=False, limit=90)
    if done.code:
        way.journal.note("start", said=done.lines)  # the gate finds out why


def _prove(way: Underway, name: str, fact: Any) -> None:
    with locked_state(way.site) as state:
        state.proven[name] = fact
