"""Uploads that lie on this machine's disk: listed, digested, taken and brought, one question at a time."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .failure import Failure
from .frames import PIECE, hear, tell, whole

__all__ = ["answer", "root_of_the_site"]

UNFINISHED = ".slipway-"


def root_of_the_site() -> Path:
    """Where the release that runs keeps uploads."""
    from django.conf import settings  # type: ignore[import-not-found,unused-ignore]

    return Path(settings.MEDIA_ROOT)


def answer(incoming: BinaryIO, out: BinaryIO, *, root: Path) -> None:
    """Until nothing more is asked; what one question meets with is told, and the next one is heard."""
    while question := incoming.readline():
        asked = hear(question)
        try:
            _answer(asked, incoming, out, root=root)
        except OSError as error:
            tell(out, error=f"{asked.get('key', root)}: {error.strerror}")


def _answer(asked: Mapping[str, Any], incoming: BinaryIO, out: BinaryIO, *, root: Path) -> None:
    if asked["do"] == "list":
        tell(out, listing=True)
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith(UNFINISHED):
                tell(out, key=path.relative_to(root).as_posix(), size=path.stat().st_size)
        tell(out, done=True)
        return
    path = _place(root, str(asked["key"]))
    {"digest": _digest, "get": _get, "put": _put, "remove": _remove}[asked["do"]](path, asked, incoming, out)


def _place(root: Path, key: str) -> Path:
    path = (root / key).resolve()
    if not path.is_relative_to(root.resolve()) or path == root.resolve():
        raise Failure(f"{key}: should lie below {root}")
    return path


def _digest(path: Path, asked: Mapping[str, Any], incoming: BinaryIO, out: BinaryIO) -> None:
    with path.open("rb") as file:
        tell(out, digest=hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest())


def _get(path: Path, asked: Mapping[str, Any], incoming: BinaryIO, out: BinaryIO) -> None:
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        tell(out, size=left)
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise Failure(f"{path.name}: has become smaller meanwhile, run it again")
            out.write(piece)
            left -= len(piece)
    out.flush()


def _put(path: Path, asked: Mapping[str, Any], incoming: BinaryIO, out: BinaryIO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with open(descriptor, "wb") as file:
            tell(out, ready=True)
            file.writelines(whole(incoming, int(asked["size"])))
            os.fchmod(file.fileno(), 0o640)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    tell(out, done=True)


def _remove(path: Path, asked: Mapping[str, Any], incoming: BinaryIO, out: BinaryIO) -> None:
    path.unlink(missing_ok=True)
    tell(out, done=True)
