"""The same step at all servers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from release.ssh import heeded, unheeded

__all__ = ["together"]

Each = TypeVar("Each")
HEED = 0.5  # seconds: a signal that comes just before a wait is heeded only after it


def together(work: Callable[[Each], None], all_of: Sequence[Each], *, at_first_failure: Callable[[], None]) -> None:
    """Do the work for each in a thread of its own, wait for all, then raise what went wrong first."""
    outcomes: list[BaseException | None] = []  # no queue: a signal between its answer and us would take that away
    ended = threading.Event()
    for each in all_of:
        # Daemons: a driver that is stopped twice leaves its servers to their own limits, not to a thread that waits.
        threading.Thread(target=_run, args=(work, each, outcomes, ended), daemon=True).start()
    first: BaseException | None = None
    while True:
        interrupt = _asked_to_stop(ended)
        if interrupt is not None and isinstance(first, KeyboardInterrupt):
            raise interrupt  # a second one is not waited out
        left = len(all_of) - len(outcomes)
        wrong = interrupt or next(filter(None, outcomes), None)
        if wrong is not None and first is None:
            first = wrong
            at_first_failure()
        if not left:
            break
    if first is not None:
        raise first


def _asked_to_stop(ended: threading.Event) -> KeyboardInterrupt | None:
    """Wait until a thread has ended, or a moment has passed: a signal that came meanwhile."""
    try:
        if ended.wait(HEED):
            ended.clear()
            return None
        interrupt = unheeded()
    except KeyboardInterrupt as raised:
        interrupt = raised
    if interrupt is not None:
        heeded()
    return interrupt


def _run(
    work: Callable[[Each], None], each: Each, outcomes: list[BaseException | None], ended: threading.Event
) -> None:
    outcome: BaseException | None = None
    try:
        work(each)
    except Exception as error:
        outcome = error
    outcomes.append(outcome)
    ended.set()
