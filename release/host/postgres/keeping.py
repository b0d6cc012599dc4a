"""`database`: the machine's Postgres becomes what the document says, step by step; again changes nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from ..agent.failure import Failure, told
from ..agent.journal import Journal
from ..agent.lock import held
from ..agent.machine import Machine
from ..agent.masking import masked, pattern, secrets_in
from ..agent.packages import install
from ..agent.site import Site
from . import backups, care, cluster, disk, network, roles
from .coming_back import come_back
from .document import Document
from .extensions import ensure_extensions
from .files import put
from .place import VERSION, Place

__all__ = ["Keeping", "converse"]

PACKAGES = (f"postgresql-{VERSION}", "pgbackrest")
Say = Callable[[dict[str, Any]], None]


def converse(machine: Machine) -> int:
    """Read the document (one line on stdin), tell each step as it ends, answer with what was changed."""
    raw = json.loads(sys.stdin.readline() or "{}")
    hidden = pattern(secrets_in(raw))

    def say(message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(masked(message, hidden), separators=(",", ":")) + "\n")
        sys.stdout.flush()

    try:
        document = Document.parse(raw)
        site = Site(document.site, machine.root)
        with held(site, machine, by="an update of the database"):
            journal = Journal(site, machine, release="database", hidden=hidden)
            say({"kept": True, **Keeping(machine, document, journal=journal, say=say).run()})
    except Exception as error:
        failure = told(error)
        say({"error": failure.cause, "detail": failure.detail})
        return 1
    return 0


class Keeping:
    """One run over all steps."""

    def __init__(self, machine: Machine, document: Document, *, journal: Journal, say: Say) -> None:
        self._machine = machine
        self._document = document
        self._journal = journal
        self._say = say
        self._place = Place(machine.root)
        self._changed: list[str] = []

    def run(self) -> dict[str, Any]:
        """The steps in order: nobody is let in before the data is on its disk and TLS is on."""
        machine, place, document = self._machine, self._place, self._document
        with self._step("packages"):
            self._install()
        with self._step("disk"):
            self._disk()
        with self._step("cluster"):
            self._note(cluster.ensure_cluster(place, machine))
        with self._step("configure"):
            found = network.look(machine, document.address)
            memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            written = self._note(cluster.configure(place, machine, document, found, memory=memory))
            facts = cluster.facts(place, document)
            repository = self._note(backups.configure(place, machine, document, facts))
            place.write_facts(facts)
        with self._step("come back"):
            self._note(come_back(place, machine, facts))
        with self._step("start"):
            self._note(cluster.run(place, machine, changed=written))
        with self._step("roles"):
            self._note(roles.ensure_roles(place, machine, document))
            self._note(ensure_extensions(machine, document.database, document.extensions))
        with self._step("port"):
            self._note(network.open_port(place, machine, found) if document.alone else [])
        with self._step("archive"):
            self._note(backups.prove(machine, facts, changed=bool(repository) or "made" in self._changed))
            self._note(care.configure(place, machine, notify=document.notify))
            self._note(backups.begin(machine, facts))
        return {"changed": self._changed, "phases": self._journal.phases}

    def _install(self) -> None:
        """On a machine made for it they are there; elsewhere Debian is kept from making a cluster of its own."""
        put(self._place.root / "etc/postgresql-common/createcluster.conf", "createcluster.conf")
        install(self._machine, PACKAGES)

    def _disk(self) -> None:
        if self._document.device:
            self._note(disk.ensure_disk(self._place, self._machine, self._document.device))
        elif not self._place.disk.exists():
            self._place.disk.mkdir(parents=True)
            self._note(["directory"])

    def _note(self, done: list[str]) -> list[str]:
        self._changed += done
        return done

    @contextmanager
    def _step(self, name: str) -> Any:
        try:
            with self._journal.phase(name, self._say):
                yield
        except Failure as failure:
            self._journal.note("failed", step=name, cause=failure.cause)
            raise
