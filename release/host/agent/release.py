"""One release on this machine, told to the driver step by step."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from . import (
    before,
    cache,
    caddy,
    certificates,
    closed,
    database,
    layers,
    owner,
    record,
    releases,
    sandbox,
    schedule,
    schema,
    sqlite,
    static,
    tidy,
    units,
    window,
)
from .document import Document
from .failure import Failure, Gone, told
from .gate import Answers, pass_gate, refuse_fallen
from .journal import Journal
from .lock import held
from .machine import Machine
from .masking import pattern, secrets_in
from .packages import install
from .site import SLOTS, Site
from .state import Running, load, locked_state
from .switch import begin_drain, commit, flip, revert, settle, stop
from .wire import Wire

__all__ = ["release"]

GO = 3600.0  # seconds to wait for the other servers
PREFLIGHT = 120.0
MIGRATE = 1800.0
PGOPTIONS = "-c lock_timeout=10s -c statement_timeout=15min"


def release(wire: Wire, machine: Machine, answers: Answers) -> int:
    """Hold the conversation of the verb `release`; 0 when the wanted release is committed."""
    site: Site | None = None
    try:
        document = Document.parse(wire.receive(limit=60))
        wire.hidden = pattern(secrets_in(document.raw))
        site = Site(document.site, machine.root)
        with held(site, machine, by=f"release {document.release}"):
            return _Release(wire, machine, answers, site, document).run()
    except Failure as failure:
        serves = {"serves": serving(site)} if site else {}
        wire.send({"error": failure.cause, "detail": failure.detail, **serves})
    except Gone as gone:
        wire.send({"aborted": True, "error": str(gone)})
    except Exception as error:
        unforeseen = told(error)
        wire.send({"error": unforeseen.cause, "detail": unforeseen.detail})
    return 1


def serving(site: Site) -> str:
    """What visitors get: a release's id, or the holding page."""
    state = load(site)
    return state.committed.release if state.committed and not state.window else "holding page"


class _Release:
    def __init__(self, wire: Wire, machine: Machine, answers: Answers, site: Site, document: Document) -> None:
        self.wire, self.machine, self.answers = wire, machine, answers
        self.site, self.document = site, document
        self.journal = Journal(site, machine, release=document.release, hidden=wire.hidden)
        self.migrated: list[str] = []
        self.notes: list[str] = []
        self.sslmode = "verify-full"
        self.password = ""  # its hash
        self.flipped = False
        self.moved = 0  # bytes
        self.before = serving(site)

    def run(self) -> int:
        left = revert(self.site, self.machine)
        if left:
            self.notes.append(f"{left.release} was left uncommitted on this machine and has been flipped back")
        if self._serves_already():
            self._agree()
            self.journal.note("nothing to do")
            return self._say(done=True, slot=self.site.serving(), phases={}, notes=self.notes)
        old = self.site.serving()  # by the link, which a hand may have moved away from what is committed
        slot = next(each for each in SLOTS if each != (self._waiting() if old == "holding" else old))
        new = Running(
            slot, self.document.release, self.document.artifact, tuple(self.document.workers), self.document.lead
        )
        self.journal.note("release", artifact=self.document.artifact, slot=slot, lead=self.document.lead)
        try:
            self._prepare(new)
            self._say(ready=True, slot=slot, migrated=self.migrated, notes=self.notes)
            self.wire.expect("flip", limit=GO)
            self._switch(new)
        except Exception as error:
            return self._leave(new, error if isinstance(error, Gone) else told(error))
        self._tidy(old)
        kept = self._record(new, "released")
        return self._say(done=True, phases=self.journal.phases, notes=self.notes, **kept)

    def _prepare(self, new: Running) -> None:
        """Everything up to a passed gate; nobody is served by it yet."""
        stop(self.site, self.machine, new.slot)
        layers.sweep(self.site)  # what an agent that was killed has left
        self._prune()
        with self._phase("fetch"):
            fetched = self._fetch()
        with self._phase("compile"):
            layers.settle(self.site, self.machine, fetched, wanted=self.document.layers)
        with self._phase("packages"):
            install(self.machine, self.document.packages)
        if self.document.cache:
            with self._phase("cache"):
                cache.keep(self.site, self.machine, mib=_mib())
        if self.document.sqlite:
            with self._phase("database"):
                self._bring_database(self.document.sqlite)
        if owner.wanted(self.document):
            with self._phase("login"):
                owner.let_in(self.site, self.machine, self.document)
        with self._phase("preflight"):
            plan = self._preflight(new.slot)
        if self.document.lead:
            self._migrate(new.slot, plan)
            self._before(new.slot)
        with self._phase("static"):
            static.merge(self.site, self.document.layers["static"], hashed=True)
        with self._phase("start"):
            self._start(new)
        with self._phase("gate"):
            gate = (self.site, self.machine, self.document)
            pass_gate(*gate, slot=new.slot, answers=self.answers, heed=self.wire.heed)
        if certificates.wanted(self.site, self.document.hosts):
            with self._phase("certificates"):
                self.notes += certificates.inherit(self.wire, self.machine)

    def _switch(self, new: Running) -> None:
        """Flip, wait for the driver's word, commit."""
        refuse_fallen(self.site, self.machine, self.document, slot=new.slot)
        with self._phase("flip"):
            # From the deadline on the way back is `revert`, whatever happens to us.
            self.flipped = True
            schedule.rest(self.site, self.machine)  # a job that is due now is one of what will be committed
            flip(self.site, self.machine, new, limit=self.document.limits.commit, edge=self._edge())
        self.journal.note("flipped", slot=new.slot)
        self._say(flipped=True, secured=certificates.secured(self.site, self.document.hosts))
        self.wire.expect("commit", limit=self.document.limits.commit)
        commit(self.site, self.machine, new)
        self.journal.note("committed", slot=new.slot)
        self._say(committed=True, certificates=certificates.copy(self.machine))

    def _tidy(self, old: str) -> None:
        """The release stands; trouble from here on is a note."""
        try:
            begin_drain(self.site, self.machine, old)
            self._settle()
            with self._phase("drain"):
                tidy.drain(self.site, self.machine, old, limit=self.document.limits.drain)
                self._stop(*dict.fromkeys((old, "holding")))
            cache.settle(self.site, self.machine)
            self.notes += tidy.settle_in(self.site, load(self.site), at_work=self._at_work())
            self.journal.trim()
        except Exception as error:
            self.notes.append(f"released, but tidying up: {error}")

    def _agree(self) -> None:
        """Do what an agent that was killed after its commit has left undone; nothing, nearly always."""
        serving = self.site.serving()
        try:
            self._lead()
            self._settle()
            self._stop(*(each for each in (*SLOTS, "holding") if each != serving))
            cache.settle(self.site, self.machine)
        except Exception as error:
            self.notes.append(f"serves already, but tidying up: {error}")

    def _lead(self) -> None:
        """The same release may have another lead than when it was committed."""
        with locked_state(self.site) as state:
            if state.committed:
                state.committed = replace(state.committed, lead=self.document.lead)

    def _stop(self, *slots: str) -> None:
        for unit in stop(self.site, self.machine, *slots):
            self.notes.append(f"{unit} did not end in time and was killed, raise drain or make its jobs shorter")

    def _prune(self) -> None:
        tidy.prune(self.site, load(self.site), at_work=self._at_work())

    def _at_work(self) -> set[str]:
        return schedule.at_work(self.site, self.machine)

    def _settle(self) -> None:
        static.merge(self.site, self.document.layers["static"], hashed=False)
        settle(self.site, self.machine)

    def _leave(self, new: Running, error: Failure | Gone) -> int:
        """Back to where we were, and say why."""
        if self.flipped:
            revert(self.site, self.machine)
        self._stop(new.slot)
        layers.sweep(self.site)
        held = window.leave(self.site, self.machine, self.document, self.answers, slot=new.slot)
        cache.settle(self.site, self.machine)
        if self.document.sqlite and not load(self.site).committed:
            sqlite.discard(self.site, self.machine)
        ahead = [*self.migrated, *(error.ahead if isinstance(error, Failure) else ())]
        self.journal.note("failed", cause=str(error), ahead=ahead)
        facts: dict[str, Any] = {"serves": serving(self.site), "ahead": ahead, "reverted": self.flipped}
        if held:
            facts["held"] = held
        if isinstance(error, Gone):
            facts["aborted"] = True
        elif error.damaged:
            facts["damaged"] = error.damaged
        detail = error.detail if isinstance(error, Failure) else []
        self._say(error=str(error), detail=detail, notes=self.notes, **facts, **self._record(new, f"failed: {error}"))
        return 1

    def _record(self, new: Running, decided: str) -> dict[str, Any]:
        """What is known of it afterwards; that nothing could be noted is worth a word and no more."""
        try:
            made = record.told(
                self.document,
                self.journal,
                self.machine,
                slot=new.slot,
                before=self.before,
                moved=self.moved,
                migrated=self.migrated,
                decided=decided,
                hidden=self.wire.hidden,
            )
            record.keep(self.site, made)
        except Exception as error:
            self.notes.append(f"no record was kept: {error}")
            return {}
        return {"record": made}

    def _waiting(self) -> str:
        """The slot of the release that waits behind a maintenance window."""
        committed = load(self.site).committed
        return committed.slot if committed else ""

    def _serves_already(self) -> bool:
        """Whether the wanted release is committed, linked, and answering by its own socket."""
        committed = load(self.site).committed
        if not committed or committed.release != self.document.release or self.site.serving() != committed.slot:
            return False
        try:
            status, body = self.answers(
                self.site.socket(committed.slot), "/_slipway/release", host=self.document.canonical, limit=5
            )
        except OSError:
            return False
        return status == 200 and self.document.release in body

    def _fetch(self) -> list[str]:
        lacking = layers.missing(self.site, {**self.document.layers, **self.document.tools})
        sizes = self.document.sizes
        if lacking:
            new = [sizes.get(digest, 0) for digest in lacking]
            self.notes += tidy.make_room(self.site, load(self.site), sizes=new, at_work=self._at_work())
        self.journal.note("fetch", layers=len(lacking))
        self._say(need=lacking, arrived=load(self.site).arrived)
        urls = self.wire.receive(limit=60).get("urls", {})
        if unnamed := set(lacking) - set(urls):
            raise Failure(f"driver: should send a URL for every layer (none for {sorted(unnamed)[0][:12]})")
        given = {digest: urls[digest] for digest in lacking}
        self.moved = layers.fetch(self.site, self.machine, urls=given, sizes=sizes, heed=self.wire.heed)
        return lacking

    def _bring_database(self, wanted: dict[str, Any]) -> None:
        """The file, with all that was written to it elsewhere, before anything of the site can open it."""
        where = {"bucket": wanted["bucket"], "layer": self.document.tools["litestream"]}
        if sqlite.is_new(self.site):
            self.wire.send({"want": "rest"})  # another machine may be writing still
            self.notes += self.wire.receive(limit=180).get("notes", [])
            if sqlite.restore(self.site, self.machine, **where):
                self.notes.append("database: restored from its copy in the bucket")
        sqlite.copy(self.site, self.machine, **where)

    def _preflight(self, slot: str) -> list[str]:
        document = self.document
        seen = self._look()
        self.sslmode = seen.mode if seen else ""
        connections = seen.connections if seen else None
        releases.refuse_unfitting(document, mib=_mib(), connections=connections)
        releases.assemble(self.site, document, mib=_mib(), cpus=os.cpu_count() or 1, connections=connections)
        env = releases.environment(self.site, document, slot=slot, sslmode=self.sslmode)
        releases.occupy(self.site, document, slot=slot, env=env)
        self.password = closed.hashed(self.site, self.machine, document.staging_password)
        # Rendered before anything is touched: a wrong limit or host is found now.
        self._edge()
        workers, writable = document.workers, document.writable
        units.put_slot(self.site, self.machine, slot=slot, workers=workers, writable=writable, drain=document.drain)
        found = sandbox.django(self.site, self.machine, slot=slot, verb="preflight", writable=writable, limit=PREFLIGHT)
        if document.cache and not found.get("speaks to a cache", True):
            self.notes.append("cache: nothing of this artifact speaks to it, add redis to the project's dependencies")
        self.journal.note("preflight", plan=found.get("plan", []), overrides=found.get("overrides", []))
        self.notes += schema.fit(self.site, self.document, found, self.wire)
        self.wire.heed()
        return list(found.get("plan", []))

    def _look(self) -> database.Seen | None:
        """How far the certificate can be verified, and how many connections there are."""
        wanted = self.document.database
        if not wanted:
            return None
        seen = database.look(self.site, self.machine, wanted)
        if seen.mode != "verify-full":
            self.notes.append(f"database: the certificate is its own but not made out to {wanted.host}: {seen.mode}")
        return seen

    def _migrate(self, slot: str, plan: list[str]) -> None:
        wanted = self.document.database
        known = database.fingerprint(wanted) if wanted else ""
        if wanted and (plan or load(self.site).proven.get("grants") != known):
            with self._phase("grants"):
                database.grant(self.site, self.machine, wanted, mode=self.sslmode)
                self._prove("grants", known)
        if not plan:
            return
        if self.document.maintenance:
            with self._phase("holding"):
                window.open_window(self.site, self.machine, self.document, self.answers)
        with self._phase("migrate"):
            env = {"PGOPTIONS": PGOPTIONS}
            writable = self.document.writable
            done = sandbox.django(
                self.site, self.machine, slot=slot, verb="migrate", writable=writable, env=env, limit=MIGRATE
            )
            self.migrated = list(done["applied"])
        self.journal.note("migrated", applied=self.migrated)
        self.wire.heed()

    def _before(self, slot: str) -> None:
        """The project's own commands, once per environment."""
        commands = self.document.before_release
        if commands:
            with self._phase("before-release"):
                before.run(self.site, self.machine, slot=slot, commands=commands, writable=self.document.writable)

    def _start(self, new: Running) -> None:
        workers = [self.site.worker(new.slot, name) for name in new.workers]
        done = self.machine.run(["systemctl", "start", self.site.web(new.slot), *workers], check=False, limit=90)
        if done.code:
            self.journal.note("start", said=done.lines)  # the gate finds out why

    def _edge(self) -> str:
        document = self.document
        secured = certificates.secured(self.site, document.hosts)
        return caddy.render(
            site=document.site,
            hosts=secured or document.hosts,
            max_upload=document.max_upload,
            media=document.media["mode"],
            arrived=load(self.site).arrived or bool(secured),
            password=self.password,
        )

    def _prove(self, name: str, fact: Any) -> None:
        with locked_state(self.site) as state:
            state.proven[name] = fact

    def _phase(self, name: str) -> AbstractContextManager[None]:
        self.wire.heed()
        return self.journal.phase(name, self.wire.send)

    def _say(self, **message: Any) -> int:
        self.wire.send(message)
        return 0


def _mib() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
