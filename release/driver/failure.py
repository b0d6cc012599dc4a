"""How a step of the driver fails: a cause for the first line, and what the person needs next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Failure", "scrubbed"]

SHORTEST_SECRET = 6  # a shorter value would blank ordinary words


class Failure(Exception):
    """A cause in one line, then lines for the person who reads it."""

    def __init__(self, cause: str, *, lines: Sequence[str] = ()) -> None:
        super().__init__(cause)
        self.cause = cause
        self.lines = tuple(lines)

    def text(self, *, verb: str, secrets: Iterable[str] = ()) -> str:
        """The whole text for stderr: the first line is the cause."""
        first = " ".join(self.cause.split())
        return scrubbed("\n".join((f"{verb}: {first}", *self.lines)), secrets=secrets)


def scrubbed(text: str, *, secrets: Iterable[str]) -> str:
    """The text with every secret value blanked, longest first so that none is left in part."""
    values = sorted({value for value in secrets if len(value) >= SHORTEST_SECRET}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, values)), "[secret]", text) if values else text
