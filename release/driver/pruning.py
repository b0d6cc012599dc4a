"""What a release bucket no longer needs; the only thing that ever deletes from it.

An artifact goes when all of these hold: this environment has released 20 others since, the last release of it is more
than 90 days ago, and no other environment is promoted from it. Dates are compared among themselves, all of the
storage's own clock, so that a runner whose clock is wrong deletes nothing. A layer goes when no manifest that stays
names it, and it is as old as that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from release.bucket import Bucket, BucketError
from release.driver.layers import layer_key
from release.promotions import marked

__all__ = ["prune"]

KEEP = 20
AGE = timedelta(days=90)


def prune(bucket: Bucket, *, artifact: str, tools: Collection[str]) -> list[str]:
    """Take away what is neither recent nor promoted nor running; what there is to say. The release stands already."""
    try:
        dates = bucket.dates()
        gone = _outlived(dates, artifact=artifact)
        gone -= marked(bucket, dates) if gone else set()
        if gone:
            _remove(bucket, gone, dates=dates, tools=tools)
        return []
    except (BucketError, ValueError) as error:
        return [f"bucket {bucket.name}: old artifacts are not pruned: {error}"]


def _outlived(dates: Mapping[str, datetime], *, artifact: str) -> set[str]:
    """Artifacts by the last release of each."""
    last: dict[str, datetime] = {}
    for key, at in dates.items():
        if key.startswith(("manifests/", "artifacts/")):
            name = key.split("/", 1)[1].removesuffix(".json")
            last[name] = max(at, last.get(name, at))
    now = max(dates.values(), default=None)
    recent = sorted(last, key=lambda name: last[name], reverse=True)[:KEEP]
    return {name for name in last if now and now - last[name] > AGE} - {artifact, *recent}


def _remove(bucket: Bucket, gone: Collection[str], *, dates: Mapping[str, datetime], tools: Collection[str]) -> None:
    """The manifests first: what is left of an artifact without one is nobody's."""
    stay = [key for key in dates if key.startswith("manifests/") and key[10:].removesuffix(".json") not in gone]
    needed = {layer_key(digest) for digest in [*tools, *(each for key in stay for each in _layers(bucket, key))]}
    for name in sorted(gone):
        bucket.remove(f"manifests/{name}.json")
        bucket.remove(f"artifacts/{name}.json")
    now = max(dates.values())
    for key, at in dates.items():
        if key.startswith("layers/") and key not in needed and now - at > AGE:
            bucket.remove(key)


def _layers(bucket: Bucket, key: str) -> Collection[str]:
    """Of a manifest that stays; one that cannot be read holds everything."""
    try:
        layers: dict[str, str] = json.loads(bucket.get(key) or b"")["layers"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{key}: should be a manifest, pulumi up brings it anew") from None
    return layers.values()
