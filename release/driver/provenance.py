"""The record beside an artifact, brought into an environment's release bucket."""

from __future__ import annotations

from release import provenance
from release.bucket import Bucket, BucketError
from release.driver.stock import Stock
from release.places import cache_directory

__all__ = ["bring"]


def bring(artifact: str, *, stock: Stock, source: Bucket | None) -> list[str]:
    """Put the record anew, with the date of this release; what there is to say about it. No release fails for it.

    The list of its packages, most of its bytes, is put once.
    """
    try:
        found = provenance.best(
            [_local(artifact), *(provenance.read(each, artifact) for each in (stock.bucket, source) if each)]
        )
        if found:
            record, packages = provenance.split(found)
            listed = provenance.packages_key(record["dependencies"])
            if listed not in stock.objects:
                stock.put(listed, packages, content_type="application/json")
            stock.put(provenance.key(artifact), provenance.text(record), content_type="application/json")
        return []
    except BucketError as error:
        return [f"{provenance.key(artifact)}: the record beside the artifact is not brought up to date: {error}"]


def _local(artifact: str) -> provenance.Provenance | None:
    path = cache_directory() / provenance.key(artifact)
    return provenance.parse(path.read_bytes(), artifact=artifact) if path.is_file() else None
