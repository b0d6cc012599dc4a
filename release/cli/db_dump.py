"""A database into a file of this computer: whole and checked under its name, or not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from release.cli.progress import Progress, amount
from release.cli.refusal import Refusal
from release.cli.remote import Line, line
from release.cli.stack import Stack

__all__ = ["dump"]

SUFFIXES = {"postgres": ".dump", "sqlite": ".sqlite3"}


def dump(stack: Stack, file: Path, *, named: bool) -> int:
    """`file` as it is when a person `named` it, else with what its kind is called by."""
    if file.exists():
        raise Refusal(f"{file}: is there already, name another file or move it away")
    try:
        descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600 by definition
    except OSError as error:
        raise Refusal(f"{file.parent}: {error.strerror}, name a file where you may write") from None
    try:
        with open(descriptor, "wb") as target, line(stack, verb="db", words=["--", "dump"]) as talk:
            told = _taken(talk, target, where=stack.name)
        target_name = file if named else file.with_name(file.name + SUFFIXES.get(told["dumped"], ""))
        os.link(unfinished, target_name)  # never over a file that somebody else has made meanwhile
    except FileExistsError:
        raise Refusal(f"{file}: is there already, name another file or move it away") from None
    finally:
        os.unlink(unfinished)
    print(f"{target_name}: {amount(told['bytes'])}, {told['tables']} tables, read through once and whole")
    return 0


def _taken(talk: Line, target: IO[bytes], *, where: str) -> dict[str, Any]:
    talk.outgoing.close()
    digest, size = hashlib.sha256(), 0
    with Progress(f"{where}: dump") as progress:
        for piece in _pieces(talk):
            target.write(piece)
            digest.update(piece)
            size += len(piece)
            progress.at(size)
    told = talk.hear()
    if "error" in told:
        raise Refusal(f"{where}: {told['error']}")
    if (told["bytes"], told["sha256"]) != (size, digest.hexdigest()):
        raise Refusal(f"{where}: what arrived is not what was sent ({size} of {told['bytes']} bytes), try again")
    target.flush()
    os.fsync(target.fileno())
    return told


def _pieces(talk: Line) -> Iterator[bytes]:
    while length := int.from_bytes(b"".join(talk.exactly(4)), "big"):
        yield from talk.exactly(length)
