"""Uploads as they were at a moment, by the versions that their bucket keeps of what was overwritten or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from release.bucket import Bucket, BucketError, Version
from release.cli.backup_text import told
from release.cli.moments import moment
from release.cli.overwriting import agreed as agree
from release.cli.refusal import Refusal
from release.cli.stack import Stack

__all__ = ["Plan", "plan", "restore_media"]

KEPT_DAYS = 30  # as components/clouds/cloud.py has its clouds keep what is overwritten or deleted


@dataclass(frozen=True)
class Plan:
    """What it takes to be as it was; nothing is deleted for it."""

    back: tuple[Version, ...]  # deleted or overwritten since, and still kept
    newer: int  # uploaded since, and left where they are
    as_it_was: int

    def text(self) -> str:
        """In words."""
        rest = f"{self.as_it_was} are as they were, {self.newer} are newer and stay"
        return f"{len(self.back)} uploads come back that were deleted or overwritten since; {rest}"


def restore_media(stack: Stack, *, at: str, agreed: str | None) -> int:
    """Bring back what was there at the moment and is not there now."""
    if at == "latest":
        raise Refusal(f"{stack.name}: restore --media: should say a moment (got latest), the bucket is the latest")
    wanted, bucket = moment(at), _bucket(stack)
    try:
        found = plan(bucket.versions(), at=wanted)
        print(found.text())
        if found.back:
            agree(stack, what=f"uploads become what they were as of {told(wanted)}", given=agreed)
        for version in found.back:
            bucket.bring_back(version)
    except BucketError as error:
        raise Refusal(f"{stack.name}: {error}") from None
    print("\n".join([f"{len(found.back)} brought back", *_limits(wanted)]))
    return 0


def plan(versions: Iterable[Version], *, at: datetime) -> Plan:
    """Hold the bucket as it is against the bucket as it was."""
    back, newer, as_it_was = [], 0, 0
    for history in _by_key(versions).values():
        then = next((version for version in history if version.at <= at), None)
        now = history[0]
        if then is None or then.deleted:
            newer += not now.deleted
        elif then.id == now.id or then.same_as(now):
            as_it_was += 1
        else:
            back.append(then)
    return Plan(tuple(back), newer, as_it_was)


def _by_key(versions: Iterable[Version]) -> Mapping[str, list[Version]]:
    """Each key's history, the newest first; the bucket lists it so, but for what has the same second."""
    found: dict[str, list[Version]] = {}
    for version in versions:
        found.setdefault(version.key, []).append(version)
    return {
        key: sorted(all_of, key=lambda each: (not each.latest, -each.at.timestamp())) for key, all_of in found.items()
    }


def _bucket(stack: Stack) -> Bucket:
    media: Mapping[str, Any] = stack.outputs.get("media") or {}
    if "bucket" not in media:
        raise Refusal(f"{stack.name}: restore --media: its uploads are on the server's disk (media: disk), of which "
                      "there are no versions")  # fmt: skip
    return Bucket.parse(media["bucket"])


def _limits(at: datetime) -> Iterator[str]:
    yield "times are the bucket's own, to the second; what was uploaded since was left alone"
    if datetime.now(UTC) - at > timedelta(days=KEPT_DAYS):
        yield f"what was deleted or overwritten more than {KEPT_DAYS} days ago is gone"
