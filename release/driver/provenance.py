"""The record beside an artifact, brought into an environment's release bucket."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from release import provenance
from release.bucket import Bucket, BucketError
from release.places import cache_directory

__all__ = ["bring"]


def bring(artifact: str, *, bucket: Bucket, source: Bucket | None) -> list[str]:
    """Put the record anew, with the date of this release; what there is to say about it. No release fails for it."""
    try:
        found = provenance.best(
            [_local(artifact), *(provenance.read(each, artifact) for each in (bucket, source) if each)]
        )
        if found:
            _put(provenance.key(artifact), json.dumps(found, indent=1, sort_keys=True), bucket=bucket)
        return []
    except BucketError as error:
        return [f"{provenance.key(artifact)}: the record beside the artifact is not brought up to date: {error}"]


def _local(artifact: str) -> provenance.Provenance | None:
    path = cache_directory() / provenance.key(artifact)
    return provenance.parse(path.read_bytes(), artifact=artifact) if path.is_file() else None


def _put(key: str, text: str, *, bucket: Bucket) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="slipway-record-") as file:
        file.write(text + "\n")
        file.flush()
        bucket.put(key, Path(file.name), content_type="application/json")
