"""How far something long has come: told to a person at a terminal, and to nobody else."""

from __future__ import annotations

import sys
import time
from types import TracebackType

__all__ = ["Progress", "amount"]

EVERY = 0.2


class Progress:
    """One line on stderr that is written over, and gone at the end."""

    def __init__(self, what: str, whole: int | None = None) -> None:
        self._what, self._whole = what, whole
        self._begun = self._last = time.monotonic()
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._write("")

    def at(self, done: int) -> None:
        """So many bytes so far."""
        if time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            share = f" of {amount(self._whole)}, {100 * done // self._whole} %" if self._whole else ""
            self.say(f"{amount(done)}{share}, {self._last - self._begun:.0f} s")

    def say(self, text: str) -> None:
        """Where it is, in words."""
        self._write(f"{self._what}: {text}")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()


def amount(size: int) -> str:
    """Bytes for a person."""
    for unit, power in (("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {unit}"
    return f"{size} bytes"
