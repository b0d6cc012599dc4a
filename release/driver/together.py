"""The same step at all servers at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from release.ssh import heeded, unheeded

__all__ = ["together"]

Each = TypeVar("Each")
HEED = 0.5  # seconds: a signal that comes just before a wait is heeded only after it


def together(work: Callable[[Each], None], all_of: Sequence[Each], *, at_first_failure: Callable[[], None]) -> None:
    """Do the work for each in a thread of its own, wait for all, then raise what went wrong first."""
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for each in all_of:
        # Daemons: a driver that is stopped twice leaves its servers to their own limits, not to a thread that waits.
        threading.Thread(target=_run, args=(work, each, ended), daemon=True).start()
    first: BaseException | None = None
    left = len(all_of)
    while left:
        error = _ending(ended, stopped=isinstance(first, KeyboardInterrupt))
        left -= not isinstance(error, KeyboardInterrupt)
        if error is not None and first is None:
            first = error
            at_first_failure()
    if first is not None:
        raise first


def _ending(ended: queue.SimpleQueue[BaseException | None], *, stopped: bool) -> BaseException | None:
    """How the next thread ended, or that a signal asks to stop; a second one is not waited out."""
    while True:
        try:
            return ended.get(timeout=HEED)
        except queue.Empty:
            interrupt = unheeded()
        except KeyboardInterrupt as raised:
            interrupt = raised
        if interrupt is not None:
            heeded()
            if stopped:
                raise interrupt
            return interrupt


def _run(work: Callable[[Each], None], each: Each, ended: queue.SimpleQueue[BaseException | None]) -> None:
    try:
        work(each)
    except Exception as error:
        ended.put(error)
    else:
        ended.put(None)
