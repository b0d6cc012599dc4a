"""Who may do what with a bucket where every key of a project opens every bucket: a policy that closes it.

The storage is Ceph's: an Allow narrows nothing, NotAction is ignored, and an action it does not know by name makes it
refuse the whole policy. Keys are principals below the project.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["closed", "principal", "same"]

# What guards a bucket and what was in it, and what would show it to everybody.
GUARDING = (
    *("DeleteObjectVersion", "DeleteBucket", "PutBucketPolicy", "DeleteBucketPolicy", "PutBucketVersioning"),
    *("PutLifecycleConfiguration", "PutBucketAcl", "PutObjectAcl", "PutObjectVersionAcl", "PutBucketCORS"),
    *("PutBucketObjectLockConfiguration", "BypassGovernanceRetention"),
)


def principal(project: str, access_key: str) -> str:
    """A key as policies name it; `project` is what the storage calls the owner of a bucket."""
    return f"arn:aws:iam:::user/p{project.removeprefix('p')}:{access_key}"


def closed(bucket: str, *, owner: str, program: str, site: str) -> dict[str, Any]:
    """Nobody but two keys, and one of them only to read, write and delete."""
    return {
        "Version": "2012-10-17",
        "Id": owner,
        "Statement": [
            _deny("others", {"NotPrincipal": {"AWS": [program, site]}}, ["*"], bucket),
            _deny("site", {"Principal": {"AWS": [site]}}, GUARDING, bucket),
        ],
    }


def _deny(name: str, whom: Mapping[str, Any], actions: Sequence[str], bucket: str) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Sid": name, "Effect": "Deny", **whom, "Action": [f"s3:{each}" for each in actions], "Resource": resources}


def same(one: str, other: Mapping[str, Any]) -> bool:
    """Whether a policy as it was read says what is wanted."""
    return bool(json.loads(one) == other)
