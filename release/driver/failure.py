"""How a step of the driver fails: a cause for the first line, and what the person needs next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from release.host.agent.masking import masked, pattern

__all__ = ["Failure"]


class Failure(Exception):
    """A cause in one line, then lines for the person who reads it."""

    def __init__(self, cause: str, *, lines: Sequence[str] = ()) -> None:
        super().__init__(cause)
        self.cause = cause
        self.lines = tuple(lines)

    def text(self, *, verb: str, secrets: Iterable[str] = ()) -> str:
        """The whole text for stderr: the first line is the cause."""
        first = " ".join(self.cause.split())
        text: str = masked("\n".join((f"{verb}: {first}", *self.lines)), pattern(secrets))
        return text
