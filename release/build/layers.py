"""Deterministic archives: the same files give the same bytes on any machine, any day."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import zstandard

from release.build.cache import Cache
from release.host.archive import Member, write

__all__ = ["Member", "pack", "size"]

LEVEL = 10
HEAD = 18  # bytes of the longest header of a zstd frame


def pack(*, cache: Cache, members: Iterable[Member]) -> str:
    """Put a layer into the cache and give its name: the sha256 of the uncompressed archive."""
    with cache.scratch() as scratch:
        plain = scratch / "layer.tar"
        with plain.open("wb") as file:
            write(file=file, members=members)
        with plain.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        target = cache.path(kind="layers", name=f"{digest}.tar.zst")
        if not target.exists():
            compress(source=plain, target=scratch / "layer.tar.zst")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch / "layer.tar.zst", target)
        return digest


def size(*, cache: Cache, layer: str) -> int:
    """The bytes of a packed layer's archive, which its first bytes tell."""
    with cache.path(kind="layers", name=f"{layer}.tar.zst").open("rb") as file:
        return int(zstandard.get_frame_parameters(file.read(HEAD)).content_size)


def compress(*, source: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=-1, write_content_size=True)
    with source.open("rb") as plain, target.open("wb") as packed:
        compressor.copy_stream(plain, packed, size=source.stat().st_size)
