"""What other environments are promoted from: a mark in a release bucket for each of them, which pruning heeds.

`promotions/<target>.json` names the artifact that this stack file's pin has named last: `{"artifact": "sha256-..."}`.
`slipway promote` writes it before the pin, so that the artifact is there however late the target's `pulumi up` is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from release.bucket import Bucket

__all__ = ["mark", "marked"]

PREFIX = "promotions/"


def mark(bucket: Bucket, *, artifact: str, target: str) -> None:
    """From now on pruning leaves this artifact alone, until the target is promoted to another one."""
    content = json.dumps({"artifact": artifact}) + "\n"
    bucket.put(f"{PREFIX}{target}.json", content.encode(), content_type="application/json")


def marked(bucket: Bucket, keys: Iterable[str]) -> set[str]:
    """The artifacts that marks among these keys name; ValueError for one that cannot be read."""
    return {_artifact(bucket, key) for key in keys if key.startswith(PREFIX)}


def _artifact(bucket: Bucket, key: str) -> str:
    try:
        return str(json.loads(bucket.get(key) or b"")["artifact"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{key}: should name an artifact, promote again") from None
