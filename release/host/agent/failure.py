"""Why a release stopped."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence

__all__ = ["Failure", "Gone", "cause_in", "names_error", "told"]

# How manage.py says what is wrong with its words: in one line, without a traceback.
OF_MANAGE = re.compile(r"(CommandError|Unknown command): ")
ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning|Exit|Interrupt|DoesNotExist|Configured)\b.*")


class Failure(Exception):
    """The cause in one line; `detail` is what the machine said about it, `damaged` a layer to be brought anew."""

    def __init__(self, cause: str, *, detail: Sequence[str] = (), ahead: Sequence[str] = (), damaged: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.detail = list(detail)
        self.ahead = list(ahead)
        self.damaged = damaged


class Gone(Exception):
    """The driver has hung up, or has told us to stop."""


def cause_in(lines: Sequence[str]) -> str:
    """The line that names the error: the end of the last traceback, else the last line that looks like one."""
    starts = [n for n, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    if starts:
        for line in lines[starts[-1] + 1 :]:
            if line and not line[0].isspace() and not line.startswith("Traceback"):
                return line.strip()
    named = [line.strip() for line in lines if ERROR.match(line.strip()) or OF_MANAGE.match(line)]
    return named[-1] if named else next((line.strip() for line in reversed(lines) if line.strip()), "")


def names_error(lines: Sequence[str]) -> bool:
    """Whether `cause_in` finds more than the last line that was said."""
    return any("Traceback" in line or OF_MANAGE.match(line) for line in lines)


def told(error: Exception) -> Failure:
    """What we did not foresee becomes a Failure with its traceback; the driver is never left without a word."""
    if isinstance(error, Failure):
        return error
    return Failure(f"agent: {type(error).__name__}: {error}", detail=traceback.format_exc().splitlines()[-20:])
