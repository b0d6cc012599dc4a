"""What a key opens."""

from __future__ import annotations

import re

from rehearsal.cloud.rows import SpacesKey
from rehearsal.cloud.s3.errors import denied
from rehearsal.cloud.s3.target import Target

RANK = {"read": 1, "readwrite": 2, "fullaccess": 3}
# Settings of a bucket: only a key for everything reads or changes them.
SETTINGS = re.compile(
    "acl|accelerate|analytics|cors|encryption|inventory|lifecycle|logging|metrics|notification|object-lock"
    "|ownershipControls|policy|policyStatus|publicAccessBlock|replication|requestPayment|tagging|versioning|website"
)


def _settings(target: Target) -> bool:
    return any(SETTINGS.fullmatch(name) for name, _ in target.query)


def may_be_public(target: Target) -> bool:
    """Say whether a request is one that a public object would answer to anybody."""
    return target.method in ("GET", "HEAD") and bool(target.raw_key) and not _settings(target)


def default_acl(target: Target) -> dict[str, str]:
    """Make a new object private unless it says otherwise; moto would give it the bucket's own access."""
    starts = target.method == "POST" and target.asked("uploads") is not None
    puts = target.method == "PUT" and target.asked("uploadId") is None and not _settings(target)
    return {"x-amz-acl": "private"} if target.raw_key and (starts or puts) else {}


def deletes_several(target: Target) -> bool:
    """Say whether a request names objects to delete in its body."""
    return target.method == "POST" and not target.raw_key and target.asked("delete") is not None


def needed(target: Target) -> str:
    """Say which permission a request needs."""
    reads = target.method in ("GET", "HEAD")
    if target.raw_key:
        return "read" if reads else "readwrite"
    if not target.bucket or _settings(target):
        return "fullaccess"
    if deletes_several(target):
        return "readwrite"
    return "read" if reads else "fullaccess"


def check(key: SpacesKey, *, bucket: str, permission: str) -> None:
    """Refuse what the key's grants do not cover."""
    ranks = [RANK[g["permission"]] for g in key.grants if g["bucket"] == bucket or g["permission"] == "fullaccess"]
    if max(ranks, default=0) < RANK[permission]:
        raise denied()
