"""An artifact's layers and manifest, brought into an environment's release bucket."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from release.bucket import Bucket, BucketError
from release.driver.contents import kept, pieces, verify
from release.driver.failure import Failure
from release.places import cache_directory

__all__ = ["bring", "discard_damaged", "layer_key", "prove"]

WAY_OUT = "build it here (pulumi up with project: and without artifact:), or promote it again from where it runs"


def bring(artifact: str, *, bucket: Bucket, source: Bucket | None) -> dict[str, Any]:
    """Upload what the bucket lacks and give back the manifest; it goes last: its presence means the whole artifact."""
    content, origin = _manifest(artifact, buckets=_given(bucket, source))
    manifest: dict[str, Any] = json.loads(content)
    names = {digest: name for name, digest in manifest["layers"].items()}
    with ThreadPoolExecutor(max_workers=4) as threads:
        known = threads.submit(lambda: origin == bucket or bucket.get(_manifest_key(artifact)) == content)
        there = threads.map(bucket.has, map(layer_key, names))
        missing = {digest: name for (digest, name), has in zip(names.items(), there, strict=True) if not has}
        places = _places(missing, artifact=artifact, bucket=bucket, source=source)
        list(threads.map(lambda digest: _upload(digest, place=places[digest], bucket=bucket), missing))
    if not known.result():
        _upload_manifest(artifact, content, bucket=bucket)
    return manifest


def prove(artifact: str, *, place: Bucket | None) -> None:
    """Hold every byte of an artifact against its digests where it lies: in a bucket, or in this computer's cache."""
    where, read = _reader(place)
    content = b"".join(read(_manifest_key(artifact)) or ())
    if "sha256-" + hashlib.sha256(content).hexdigest() != artifact:
        raise Failure(f"{artifact}: its manifest {'is not that' if content else 'is not'} in {where}, {WAY_OUT}")
    manifest: dict[str, Any] = json.loads(content)
    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(lambda item: _prove(*item, where=where, read=read), manifest["layers"].items()))


def _prove(name: str, digest: str, *, where: str, read: Callable[[str], Iterable[bytes] | None]) -> None:
    content = read(layer_key(digest))
    if content is None:
        raise Failure(f"layer {digest[:12]}… ({name}): is not in {where}, {WAY_OUT}")
    verify(digest, content, place=where)


def _reader(place: Bucket | None) -> tuple[str, Callable[[str], Iterable[bytes] | None]]:
    if place is not None:
        return f"bucket {place.name}", place.stream
    root = cache_directory()
    return str(root), lambda key: pieces(root / key) if (root / key).is_file() else None


def layer_key(digest: str) -> str:
    """A layer's place in a bucket and in the cache."""
    return f"layers/{digest}.tar.zst"


def discard_damaged(digest: str, *, bucket: Bucket) -> None:
    """Take a layer away that a server has found damaged, if it is: the next `pulumi up` brings it anew."""
    with suppress(BucketError):  # it failed for another reason then, which is told
        try:
            verify(digest, bucket.stream(layer_key(digest)) or iter(()), place=f"bucket {bucket.name}")
        except Failure:
            bucket.remove(layer_key(digest))


def _manifest(artifact: str, *, buckets: list[Bucket]) -> tuple[bytes, Bucket | None]:
    """The manifest of this id, and the bucket it came from; None is this computer's cache."""
    edited = []
    for content, origin in _manifests(artifact, buckets=buckets):
        if "sha256-" + hashlib.sha256(content).hexdigest() == artifact:
            return content, origin
        edited.append(f"bucket {origin.name}" if origin else str(cache_directory()))
    if edited:
        way_out = f"remove {_manifest_key(artifact)} there, then {WAY_OUT}"
        raise Failure(f"{artifact}: its manifest was edited (in {' and '.join(edited)}: another digest), {way_out}")
    raise Failure(f"{artifact}: its manifest is in {_nowhere(buckets)}, {WAY_OUT}")


def _manifests(artifact: str, *, buckets: Iterable[Bucket]) -> Iterator[tuple[bytes, Bucket | None]]:
    local = cache_directory() / _manifest_key(artifact)
    if local.is_file():
        yield local.read_bytes(), None
    for bucket in buckets:
        content = bucket.get(_manifest_key(artifact))
        if content is not None:
            yield content, bucket


def _places(
    missing: Mapping[str, str], *, artifact: str, bucket: Bucket, source: Bucket | None
) -> dict[str, Path | Bucket]:
    """Where each missing layer can be had; one failure names all that cannot."""
    found = {digest: _place(digest, source=source) for digest in missing}
    lost = [f"{missing[digest]} ({digest[:12]}…)" for digest, place in found.items() if place is None]
    if lost:
        nowhere = _nowhere(_given(bucket, source))
        raise Failure(f"{artifact}: missing layers: {', '.join(lost)}: in {nowhere}, {WAY_OUT}")
    return {digest: place for digest, place in found.items() if place is not None}


def _place(digest: str, *, source: Bucket | None) -> Path | Bucket | None:
    local = cache_directory() / layer_key(digest)
    if local.is_file():
        return local
    return source if source is not None and source.has(layer_key(digest)) else None


def _upload(digest: str, *, place: Path | Bucket, bucket: Bucket) -> None:
    """Nothing is put under a digest it does not have."""
    if isinstance(place, Path):
        verify(digest, pieces(place), place=str(place))
        bucket.put(layer_key(digest), place)
        return
    with tempfile.NamedTemporaryFile(prefix="slipway-layer-") as copy:
        content = place.stream(layer_key(digest)) or iter(())
        verify(digest, kept(content, copy.write), place=f"bucket {place.name}")
        copy.flush()
        bucket.put(layer_key(digest), Path(copy.name))


def _upload_manifest(artifact: str, content: bytes, *, bucket: Bucket) -> None:
    with tempfile.NamedTemporaryFile(prefix="slipway-manifest-") as file:
        file.write(content)
        file.flush()
        bucket.put(_manifest_key(artifact), Path(file.name), content_type="application/json")


def _manifest_key(artifact: str) -> str:
    return f"manifests/{artifact}.json"


def _given(bucket: Bucket, source: Bucket | None) -> list[Bucket]:
    return [bucket] if source is None or source == bucket else [bucket, source]


def _nowhere(buckets: Iterable[Bucket]) -> str:
    return f"neither {cache_directory()} nor {' nor '.join(f'bucket {each.name}' for each in buckets)}"
