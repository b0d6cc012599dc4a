"""Where an artifact comes from and what is in it: a record that lies beside the artifact, never in it.

In a release bucket it is the object `artifacts/<id>.json` (`key`), beside `manifests/<id>.json`; in the builder's cache
the file of the same name. `pulumi up` brings it there with the layers, a promotion takes it along to the next bucket,
and every release puts it anew: its date in the bucket is when this environment released the artifact last. One JSON
object:

    format        1
    artifact      the id, `sha256-...`
    commit        40 hex digits, null for a project without git
    dirty         whether there were changes that are not in that commit
    built         when, `2026-01-31T12:00:00Z`
    settings      the settings module it was built with
    builder       {slipway: digest of the builder's source, python, uv, platform}: the tools, no person and no machine
    dependencies  one object for each package of the dependencies layer, by name: {name, version, hashes}; in place of
                  hashes `from` (address and commit, or a path in the project) for one that is from no package index

In a bucket `dependencies` is the digest of that list, which is an object of its own, `dependencies/<digest>.json`:
most releases of a site share it.

Every environment's own release bucket answers `read(bucket, id)`: None for an artifact that was released before there
were records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from release.bucket import Bucket

__all__ = ["Provenance", "best", "key", "packages_key", "parse", "read", "split", "text"]

Provenance = Mapping[str, Any]
FORMAT = 1


def key(artifact: str) -> str:
    """Its place in a bucket, and in the builder's cache."""
    return f"artifacts/{artifact}.json"


def packages_key(digest: str) -> str:
    """The place of a list of packages in a bucket."""
    return f"dependencies/{digest}.json"


def read(bucket: Bucket, artifact: str) -> Provenance | None:
    """What an environment's release bucket knows about one artifact."""
    found = parse(bucket.get(key(artifact)), artifact=artifact)
    if found is None or not isinstance(found["dependencies"], str):
        return found
    try:
        return {**found, "dependencies": json.loads(bucket.get(packages_key(found["dependencies"])) or b"")}
    except ValueError:
        return None


def split(record: Provenance) -> tuple[Provenance, bytes]:
    """A record as a bucket has it, and the list of packages that lies beside it there."""
    packages = text(record["dependencies"])
    return {**record, "dependencies": hashlib.sha256(packages).hexdigest()}, packages


def text(value: Any) -> bytes:
    """JSON in as few bytes as it needs."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(content: bytes | None, *, artifact: str) -> Provenance | None:
    """The record in these bytes; what is none, or another artifact's, counts as none."""
    try:
        found = json.loads(content or b"null")
    except ValueError:
        return None
    fits = isinstance(found, dict) and found.get("format") == FORMAT and found.get("artifact") == artifact
    return found if fits else None


def best(records: Iterable[Provenance | None]) -> Provenance | None:
    """The first of a clean build, which says more than one with changes; else the first."""
    known = [record for record in records if record]
    return next((record for record in known if not record["dirty"]), known[0] if known else None)
