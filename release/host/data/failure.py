"""Why a dump or a load stops."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["Failure", "said"]

PREFIX = re.compile(r"^(psql|pg_dump|pg_restore)(:<stdin>)?(:\d+)?:\s*(error:\s*)?")


class Failure(Exception):
    """`what: rule (got value), the way out`, for a person."""


def said(lines: Iterable[str], *, tool: str) -> str:
    """The line of a PostgreSQL tool's stderr that tells the cause."""
    told = [PREFIX.sub("", line.strip()) for line in lines if line.strip()]
    cause = next((line for line in told if line.startswith(("ERROR:", "FATAL:")) or " FATAL: " in line), "")
    return f"{tool}: {cause or (told or ['said nothing'])[-1]}"
