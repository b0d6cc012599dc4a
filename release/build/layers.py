"""Deterministic archives: the same files give the same bytes on any machine, any day."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import zstandard

from release.build.cache import Cache

LEVEL = 10
HEAD = 18  # bytes of the longest header of a zstd frame


@dataclass(frozen=True)
class Member:
    """One file or link of a layer, by its path inside."""

    path: str
    source: Path | None = None
    content: bytes = b""
    executable: bool = False
    link: str | None = None


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


def write(*, file: BinaryIO, members: Iterable[Member]) -> None:
    ordered = sorted(members, key=lambda member: member.path)
    directories = {str(parent) for member in ordered for parent in PurePosixPath(member.path).parents} - {"."}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory in sorted(directories):
            archive.addfile(header(path=directory, kind=tarfile.DIRTYPE, mode=0o755))
        for member in ordered:
            add(archive=archive, member=member)


def add(*, archive: tarfile.TarFile, member: Member) -> None:
    if member.link is not None:
        entry = header(path=member.path, kind=tarfile.SYMTYPE, mode=0o777)
        entry.linkname = member.link
        archive.addfile(entry)
        return
    entry = header(path=member.path, kind=tarfile.REGTYPE, mode=0o755 if member.executable else 0o644)
    with member.source.open("rb") if member.source else io.BytesIO(member.content) as file:
        entry.size = file.seek(0, os.SEEK_END)
        file.seek(0)
        archive.addfile(entry, file)


def header(*, path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = kind, mode
    return entry


def compress(*, source: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=-1, write_content_size=True)
    with source.open("rb") as plain, target.open("wb") as packed:
        compressor.copy_stream(plain, packed, size=source.stat().st_size)
