"""The archive of a layer: the same files give the same bytes, on the builder as on a server."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

__all__ = ["Member", "laid_out", "write"]


@dataclass(frozen=True)
class Member:
    """One file or link of a layer, by its path inside."""

    path: str
    source: Path | None = None
    content: bytes = b""
    executable: bool = False
    link: str | None = None


def write(*, file: BinaryIO, members: Iterable[Member]) -> None:
    """The archive of these members and of the directories they lie in."""
    ordered = sorted(members, key=lambda member: member.path)
    directories = {str(parent) for member in ordered for parent in PurePosixPath(member.path).parents} - {"."}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory in sorted(directories):
            archive.addfile(header(path=directory, kind=tarfile.DIRTYPE, mode=0o755))
        for member in ordered:
            _add(archive=archive, member=member)


def laid_out(directory: Path) -> Iterator[Member]:
    """The members of a layer that was unpacked here, without the bytecode that was compiled since."""
    for place, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in [*names, *(each for each in folders if Path(place, each).is_symlink())]:
            yield _member(Path(place, name), directory)


def _member(file: Path, directory: Path) -> Member:
    path = file.relative_to(directory).as_posix()
    if file.is_symlink():
        return Member(path, link=os.readlink(file))
    return Member(path, source=file, executable=bool(file.stat().st_mode & 0o100))


def _add(*, archive: tarfile.TarFile, member: Member) -> None:
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
