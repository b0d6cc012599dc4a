"""A moment as a person writes it."""

from __future__ import annotations

from datetime import UTC, datetime

from release.cli.refusal import Refusal

__all__ = ["moment"]


def moment(given: str) -> datetime:
    """In UTC where no time zone is written; what is to come is refused."""
    try:
        found = datetime.fromisoformat(given.strip().removesuffix("UTC").strip())
    except ValueError:
        raise Refusal(f"--at: should be a time such as '2026-11-20 10:00' or latest (got {given!r})") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found > datetime.now(UTC):
        raise Refusal(f"--at: should lie in the past (got {found:%Y-%m-%d %H:%M:%S} UTC; times are UTC unless they "
                      "say another zone, as in 10:00+02:00)")  # fmt: skip
    return found
