"""An artifact's layers and manifest, brought into an environment's release bucket."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from release.bucket import Bucket, BucketError
from release.driver.contents import kept, pieces, unpacked, verify
from release.driver.failure import Failure
from release.driver.sending import Before, put_layer, put_manifest
from release.driver.stock import Stock, layer_key, manifest_key
from release.places import cache_directory

__all__ = ["bring", "discard_damaged", "prove"]

WAY_OUT = "build it here (pulumi up with project: and without artifact:), or promote it again from where it runs"


def bring(artifact: str, *, stock: Stock, source: Bucket | None) -> dict[str, Any]:
    """Upload what the bucket lacks and give back the manifest; it goes last: its presence means the whole artifact."""
    content, origin = _manifest(artifact, buckets=_given(stock.bucket, source), stock=stock)
    manifest: dict[str, Any] = json.loads(content)
    missing = {digest: name for name, digest in manifest["layers"].items() if not stock.chain(digest)}
    known = origin is stock or stock.read_manifest(artifact) == content
    if missing or not known:
        places = _places(missing, artifact=artifact, bucket=stock.bucket, source=source)
        before = Before.of(stock, but=artifact)
        with ThreadPoolExecutor(max_workers=4) as threads:
            list(threads.map(lambda each: _upload(each, missing[each], places[each], stock, before), missing))
        if not known:
            put_manifest(artifact, content, stock=stock, before=before)
    return manifest


def prove(artifact: str, *, place: Bucket | None) -> None:
    """Hold every byte of an artifact against its digests where it lies: in a bucket, or in this computer's cache."""
    stock = Stock.of(place) if place else None
    where = f"bucket {place.name}" if place else str(cache_directory())
    content = stock.read_manifest(artifact) if stock else _cached(manifest_key(artifact))
    if content is None or "sha256-" + hashlib.sha256(content).hexdigest() != artifact:
        raise Failure(f"{artifact}: its manifest {'is not that' if content else 'is not'} in {where}, {WAY_OUT}")
    manifest: dict[str, Any] = json.loads(content)
    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(lambda item: _prove(*item, where=where, stock=stock), manifest["layers"].items()))


def _prove(name: str, digest: str, *, where: str, stock: Stock | None) -> None:
    content = stock.content(digest) if stock else _cached_layer(digest)
    if content is None:
        raise Failure(f"layer {digest[:12]}… ({name}): is not in {where}, {WAY_OUT}")
    verify(digest, content, place=where)


def discard_damaged(digest: str, *, bucket: Bucket) -> None:
    """Take away what a server has found damaged, if it is: the next `pulumi up` brings it anew.

    Of a chain of patches the first that does not give what it should.
    """
    with suppress(BucketError):  # it failed for another reason then, which is told
        stock = Stock.of(bucket)
        for piece in stock.chain(digest):
            try:
                verify(piece.name, stock.content(piece.name) or iter(()), place=f"bucket {bucket.name}")
            except Failure:
                return bucket.remove(piece.key)


def _cached(key: str) -> bytes | None:
    path = cache_directory() / key
    return path.read_bytes() if path.is_file() else None


def _cached_layer(digest: str) -> Iterator[bytes] | None:
    path = cache_directory() / layer_key(digest)
    return unpacked(pieces(path)) if path.is_file() else None


def _manifest(artifact: str, *, buckets: list[Bucket], stock: Stock) -> tuple[bytes, Stock | None]:
    """The manifest of this id, and the bucket it came from; None is this computer's cache."""
    edited = []
    for content, origin in _manifests(artifact, buckets=buckets, stock=stock):
        if "sha256-" + hashlib.sha256(content).hexdigest() == artifact:
            return content, origin
        edited.append(f"bucket {origin.bucket.name}" if origin else str(cache_directory()))
    if edited:
        way_out = f"remove {manifest_key(artifact)} there, then {WAY_OUT}"
        raise Failure(f"{artifact}: its manifest was edited (in {' and '.join(edited)}: another digest), {way_out}")
    raise Failure(f"{artifact}: its manifest is in {_nowhere(buckets)}, {WAY_OUT}")


def _manifests(artifact: str, *, buckets: Iterable[Bucket], stock: Stock) -> Iterator[tuple[bytes, Stock | None]]:
    if (local := _cached(manifest_key(artifact))) is not None:
        yield local, None
    for bucket in buckets:
        origin = stock if bucket == stock.bucket else Stock.of(bucket)
        content = origin.read_manifest(artifact)
        if content is not None:
            yield content, origin


def _places(
    missing: Mapping[str, str], *, artifact: str, bucket: Bucket, source: Bucket | None
) -> dict[str, Path | Stock]:
    """Where each missing layer can be had; one failure names all that cannot."""
    found: dict[str, Path | Stock] = {}
    for digest in missing:
        if (local := cache_directory() / layer_key(digest)).is_file():
            found[digest] = local
    if source is not None and found.keys() != missing.keys():
        origin = Stock.of(source)
        found |= {digest: origin for digest in missing.keys() - found if origin.chain(digest)}
    lost = [f"{missing[digest]} ({digest[:12]}…)" for digest in missing if digest not in found]
    if lost:
        nowhere = _nowhere(_given(bucket, source))
        raise Failure(f"{artifact}: missing layers: {', '.join(lost)}: in {nowhere}, {WAY_OUT}")
    return found


def _upload(digest: str, name: str, place: Path | Stock, stock: Stock, before: Before) -> None:
    """Nothing is put under a digest it does not have."""
    if isinstance(place, Path):
        verify(digest, unpacked(pieces(place)), place=str(place))
        return put_layer(digest, place, stock=stock, base=before.layers.get(name))
    with tempfile.NamedTemporaryFile(prefix="slipway-layer-") as copy:
        content = kept(place.packed(digest) or iter(()), copy.write)
        verify(digest, unpacked(content), place=f"bucket {place.bucket.name}")
        copy.flush()
        put_layer(digest, Path(copy.name), stock=stock, base=before.layers.get(name))


def _given(bucket: Bucket, source: Bucket | None) -> list[Bucket]:
    return [bucket] if source is None or source == bucket else [bucket, source]


def _nowhere(buckets: Iterable[Bucket]) -> str:
    return f"neither {cache_directory()} nor {' nor '.join(f'bucket {each.name}' for each in buckets)}"
