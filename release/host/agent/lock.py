"""One release at a time."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from .failure import Failure
from .machine import Machine
from .site import Site

__all__ = ["held", "holder"]

PATIENCE = 20.0  # seconds: an agent whose driver has died needs some to tidy up


@contextmanager
def held(site: Site, machine: Machine, *, by: str) -> Iterator[None]:
    """The site's lock, or a Failure that says who has it; the kernel lets go of it when this process dies."""
    site.lock.parent.mkdir(parents=True, exist_ok=True)
    with open(site.lock, "a+") as file:
        until = machine.now() + PATIENCE
        while not _taken(file):
            if machine.now() > until:
                busy = f"{holder(site)} is at work on this machine"
                raise Failure(f"lock: {busy}, wait for it and run pulumi up again")
            machine.pause(0.2)
        file.truncate(0)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"pid": os.getpid(), "by": by, "since": now}))
        file.flush()
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(site: Site) -> str:
    """Who holds the lock, in words."""
    try:
        said = json.loads(site.lock.read_text())
        return f"{said['by']} (process {said['pid']}, since {said['since']})"
    except (OSError, ValueError, KeyError):
        return "another release"
