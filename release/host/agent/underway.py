"""One release under way on this machine: what is asked for, where, and what has been found out so far."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any

from . import caddy, certificates, schedule, static, tidy
from .document import Document
from .gate import Answers
from .journal import Journal
from .machine import Machine
from .site import Site
from .state import load
from .switch import settle, stop
from .wire import Wire

__all__ = ["Underway", "memory", "serving"]


class Underway:
    """What the steps of a release share."""

    def __init__(self, wire: Wire, machine: Machine, answers: Answers, site: Site, document: Document) -> None:
        self.wire, self.machine, self.answers = wire, machine, answers
        self.site, self.document = site, document
        self.journal = Journal(site, machine, release=document.release, hidden=wire.hidden)
        self.migrated: list[str] = []
        self.notes: list[str] = []
        self.sslmode = "verify-full"
        self.password = ""  # its hash
        self.returns = False  # it has served here before
        self.flipped = False
        self.moved = 0  # bytes
        self.before = serving(site)

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A journalled step, which the driver hears of; not begun once the driver is gone."""
        self.wire.heed()
        return self.journal.phase(name, self.wire.send)

    def say(self, **message: Any) -> int:
        """Tell the driver; 0."""
        self.wire.send(message)
        return 0

    def stop(self, *slots: str) -> None:
        """Stop what runs in these slots, with a note of what had to be killed."""
        for unit in stop(self.site, self.machine, *slots):
            self.notes.append(f"{unit} did not end in time and was killed, raise drain or make its jobs shorter")

    def settle(self) -> None:
        """Static files and units as what is committed needs them."""
        static.merge(self.site, self.document.layers["static"], hashed=False)
        settle(self.site, self.machine)

    def prune(self) -> None:
        """Take away what no kept release needs."""
        tidy.prune(self.site, load(self.site), at_work=self.at_work())

    def at_work(self) -> set[str]:
        """Releases of which a job still runs."""
        return schedule.at_work(self.site, self.machine)

    def edge(self) -> str:
        """The site's Caddy file, as this release wants it."""
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


def serving(site: Site) -> str:
    """What visitors get: a release's id, or the holding page."""
    state = load(site)
    return state.committed.release if state.committed and not state.window else "holding page"


def memory() -> int:
    """MiB of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
