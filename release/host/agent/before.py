"""`before-release:` commands: manage.py words, when the database is ready and the release serves nobody yet."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from . import sandbox
from .failure import Failure, cause_in
from .interpreter import interpreter
from .machine import Machine
from .site import Site
from .units import home_of

__all__ = ["run"]

LIMIT = 1800.0  # seconds for each
SHOWN = 40  # lines of what a failing one has said


def run(site: Site, machine: Machine, *, slot: str, commands: Sequence[str], writable: Sequence[str]) -> None:
    """One after the other; the first that fails is the release's failure."""
    for line in commands:
        begun = machine.now()
        done = machine.run(_argv(site, slot, line, writable), check=False, limit=LIMIT + 15)
        if done.code:
            late = f"should end within {LIMIT:.0f} s" if machine.now() - begun >= LIMIT else ""
            cause = late or cause_in(done.lines) or f"ended with code {done.code} and said nothing"
            raise Failure(f"before-release: {line}: {cause}", detail=done.lines[-SHOWN:])


def _argv(site: Site, slot: str, line: str, writable: Sequence[str]) -> list[str]:
    command = [interpreter(site, home_of(site, slot)), "-m", "django", *shlex.split(line)]
    how = ("--pipe", f"--property=RuntimeMaxSec={LIMIT:.0f}")
    return sandbox.argv(site, slot=slot, verb="before", command=command, writable=writable, how=how)
