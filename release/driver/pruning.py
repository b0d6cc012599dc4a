"""What a release bucket no longer needs; the only thing that ever deletes from it.

An artifact goes when all of these hold: this environment has released 20 others since, the last release of it is more
than 90 days ago, no other environment is promoted from it, and none that stays is kept as a patch over it. Dates are
compared among themselves, all of the storage's own clock, so that a runner whose clock is wrong deletes nothing. A
layer goes when no manifest that stays names it, nor one that is a patch over it, and it is as old as that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import timedelta

from release import provenance
from release.bucket import Bucket, BucketError
from release.driver.stock import Stock, manifest_key, released
from release.promotions import marked

__all__ = ["prune"]

KEEP = 20
AGE = timedelta(days=90)


def prune(bucket: Bucket, *, artifact: str, tools: Collection[str]) -> list[str]:
    """Take away what is neither recent nor promoted nor running; what there is to say. The release stands already."""
    try:
        stock = Stock.of(bucket)
        names = set(released(stock.dates))
        gone = _outlived(stock, artifact=artifact)
        gone -= marked(bucket, stock.objects) if gone else set()
        gone -= stock.bases(names - gone)
        if gone:
            _remove(stock, gone, stay=names - gone, tools=tools)
        return []
    except (BucketError, ValueError) as error:
        return [f"bucket {bucket.name}: old artifacts are not pruned: {error}"]


def _outlived(stock: Stock, *, artifact: str) -> set[str]:
    """Artifacts by the last release of each."""
    last = released(stock.dates)
    now = max(stock.dates.values(), default=None)
    recent = sorted(last, key=lambda name: last[name], reverse=True)[:KEEP]
    return {name for name in last if now and now - last[name] > AGE} - {artifact, *recent}


def _remove(stock: Stock, gone: Collection[str], *, stay: Collection[str], tools: Collection[str]) -> None:
    """The manifests first: what is left of an artifact without one is nobody's."""
    layers = {*tools, *(each for name in stay if stock.pieces(name) for each in _layers(stock, name))}
    layers |= stock.bases(layers)
    needed = {piece.key for name in layers for piece in stock.pieces(name)} | set(_packages(stock, stay))
    for name in sorted(gone):
        for key in [*(piece.key for piece in stock.pieces(name)), provenance.key(name)]:
            stock.bucket.remove(key)
    now = max(stock.dates.values())
    for key, at in stock.dates.items():
        if key.startswith(("layers/", "dependencies/")) and key not in needed and now - at > AGE:
            stock.bucket.remove(key)


def _packages(stock: Stock, artifacts: Collection[str]) -> Iterator[str]:
    """The lists of packages that these artifacts' records name."""
    for name in artifacts:
        record = provenance.parse(stock.bucket.get(provenance.key(name)), artifact=name)
        if record and isinstance(record["dependencies"], str):
            yield provenance.packages_key(record["dependencies"])


def _layers(stock: Stock, artifact: str) -> Collection[str]:
    """Of a manifest that stays; one that cannot be read holds everything."""
    try:
        layers: dict[str, str] = json.loads(stock.read_manifest(artifact) or b"")["layers"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{manifest_key(artifact)}: should be a manifest, pulumi up brings it anew") from None
    return layers.values()
