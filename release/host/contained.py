"""Unpacking a layer below a directory, and nowhere else.

Not by tarfile's own filters: a Python before 3.11.4 has none, and takes the name of one without a word.
"""

from __future__ import annotations

import copy
import posixpath
import tarfile
import time
from pathlib import Path

__all__ = ["Foreign", "unpack"]


class Foreign(Exception):
    """A member that no layer of ours has."""

    def __init__(self, member: tarfile.TarInfo) -> None:
        kind = "link to " + repr(member.linkname) if member.issym() or member.islnk() else f"type {member.type!r}"
        rule = "should be a file, a directory or a link inside the layer"
        super().__init__(f"{member.name!r}: {rule} (got {kind})")


def unpack(archive: tarfile.TarFile, directory: Path) -> None:
    """Every member, root's own and writable for nobody else; one that leads out is Foreign, and ends it.

    Each has the present as its time, for Caddy makes its ETags of it.
    """
    archive.extraction_filter = lambda member, _: member  # newer ones warn where nobody says which
    links: set[str] = set()
    for member in archive:
        if not _is_ours(member) or _passes(member.name, links):
            raise Foreign(member)
        if member.issym():
            links.add(posixpath.normpath(member.name))
        archive.extract(_plain(member), directory)


def _is_ours(member: tarfile.TarInfo) -> bool:
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return False
    if member.issym():
        return _stays(member)
    return (member.isreg() and not member.issparse()) or member.isdir()


def _stays(link: tarfile.TarInfo) -> bool:
    """Steps up only at its beginning, and no more of them than lead to the top."""
    words = link.linkname.split("/")
    ups = next((at for at, word in enumerate(words) if word != ".."), len(words))
    depth = len(posixpath.normpath(link.name).split("/")) - 1
    return bool(link.linkname) and words[0] != "" and ".." not in words[ups:] and ups <= depth


def _passes(name: str, links: set[str]) -> bool:
    """Whether a member would be written through a link, or over one."""
    words = posixpath.normpath(name).split("/")
    return any("/".join(words[: at + 1]) in links for at in range(len(words)))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    found = copy.copy(member)
    found.mode = 0o755 if member.isdir() else (member.mode or 0o644) & 0o755 | 0o444
    found.mtime, found.uid, found.gid, found.uname, found.gname = int(time.time()), 0, 0, "", ""
    return found
