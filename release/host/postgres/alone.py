"""One drill or restore at a time; the kernel lets go when the process dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from ..agent.failure import Failure
from .place import Place

__all__ = ["alone"]


@contextmanager
def alone(place: Place, *, by: str) -> Iterator[None]:
    """Hold the lock, or say who has it."""
    file = place.state / "lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"{file.read_text() or 'another one'} is at work on this machine, wait for it") from None
        lock.truncate(0)
        lock.write(by)
        lock.flush()
        yield
