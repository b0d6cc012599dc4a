"""Layers as files: read in pieces, and checked against their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from release.driver.failure import Failure

__all__ = ["kept", "pieces", "unpacked", "verify"]

SIZE = 1 << 20


def unpacked(packed: Iterable[bytes]) -> Iterator[bytes]:
    """What a compressed layer holds."""
    import zstandard

    unpacking = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    return map(unpacking.decompress, packed)


def verify(digest: str, content: Iterable[bytes], *, place: str) -> None:
    """Refuse what should be a layer's content and has another digest."""
    import zstandard

    where, seen = f"layer {digest[:12]}…: {place}", hashlib.sha256()
    try:
        for piece in content:
            seen.update(piece)
    except zstandard.ZstdError as error:
        raise Failure(f"{where}: is damaged ({error}), remove it and build again") from None
    if seen.hexdigest() != digest:
        raise Failure(f"{where}: holds something else (sha256 {seen.hexdigest()[:12]}…), remove it and build again")


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces."""
    with path.open("rb") as file:
        while piece := file.read(SIZE):
            yield piece


def kept(content: Iterable[bytes], keep: Callable[[bytes], object]) -> Iterator[bytes]:
    """The same pieces, each kept on its way."""
    for piece in content:
        keep(piece)
        yield piece
