"""What a release did, on all its servers, kept in the environment's release bucket as text and as a picture."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from release.bucket import Bucket, BucketError
from release.driver.conversation import Conversation
from release.driver.documents import Wanted
from release.timeline import svg

__all__ = ["Clock", "keep", "key", "told"]


class Clock:
    """The driver's own steps, in seconds from its beginning."""

    def __init__(self) -> None:
        self._start, self._wall = time.monotonic(), time.time()
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note when it began and how long it took, however it ends."""
        start = self.now()
        step = {"name": name, "start": round(start, 2), "seconds": 0.0}
        self.steps.append(step)
        try:
            yield
        finally:
            step["seconds"] = round(self.now() - start, 2)

    def now(self) -> float:
        return time.monotonic() - self._start

    def since_start(self, at: float) -> float:
        """A moment of `time.monotonic` on this clock."""
        return at - self._start

    @property
    def begun(self) -> str:
        return datetime.fromtimestamp(self._wall, UTC).isoformat(timespec="milliseconds")


def told(
    wanted: Wanted, all_of: Sequence[Conversation], clock: Clock, *, sent: int, decided: str
) -> dict[str, Any] | None:
    """The environment's record; None where no server has anything to tell, as when all of them ran it already."""
    servers = {
        each.server.name: {"offset": round(max(0.0, clock.since_start(each.began)), 2), **each.record}
        for each in all_of
        if each.record
    }
    if not servers:
        return None
    return {
        "format": 1,
        "site": wanted.site,
        "environment": str(wanted.document.get("environment", "")),
        "release": wanted.release,
        "artifact": wanted.artifact,
        "begun": clock.begun,
        "seconds": round(clock.now(), 2),
        "decided": decided,
        "sent": sent,
        "steps": clock.steps,
        "servers": servers,
    }


def key(release: str, kind: str) -> str:
    """Where a release's record lies: `json`, and `svg` for its picture."""
    return f"records/{release}.{kind}"


def keep(bucket: Bucket, record: dict[str, Any]) -> list[str]:
    """Into the bucket; why not, in a note, because the release stands without it."""
    kinds = (("json", json.dumps(record, indent=1) + "\n", "application/json"), ("svg", svg(record), "image/svg+xml"))
    try:
        for kind, text, content_type in kinds:
            bucket.put(key(record["release"], kind), text.encode(), content_type=content_type)
    except BucketError as error:
        return [f"its record was not kept: {error}"]
    return []
