"""A dump of any format as lines of SQL."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterable, Iterator

from .failure import Failure
from .tool import Feeding, Tool

__all__ = ["lines_of"]

ARCHIVES = (b"PGDMP", b"toc.dat")  # custom and tar formats


def lines_of(content: Iterator[bytes]) -> Iterator[bytes]:
    """Told by its first bytes, whatever its name."""
    first = next(content, b"")
    rest = _joined(first, content)
    if first.startswith(b"\x1f\x8b"):
        yield from lines_of(_inflated(rest))
    elif first.startswith(ARCHIVES):
        yield from _of_archive(rest)
    elif first.startswith(b"SQLite format 3\0"):
        raise Failure("the file should be a dump of Postgres (got an SQLite database)")
    elif b"\0" in first[:512] or not first.strip():
        raise Failure("the file should be a dump of pg_dump, custom or plain SQL, gzip or not (got something else)")
    else:
        yield from _split(rest)


def _of_archive(content: Iterator[bytes]) -> Iterator[bytes]:
    argv = ["pg_restore", "--file=-", "--no-owner", "--no-acl"]
    with Tool(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reading:
        feeding = Feeding(reading, content)
        yield from reading.output
        feeding.end()
        reading.end()


def _inflated(content: Iterator[bytes]) -> Iterator[bytes]:
    """Unpacked; a file that was cut off is a failure."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for piece in content:
            while piece:
                yield unpacker.decompress(piece)
                piece = unpacker.unused_data
                if unpacker.eof and piece:
                    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    except zlib.error as error:
        raise Failure(f"the file is damaged ({error}), make the dump again") from None
    if not unpacker.eof:
        raise Failure("the file is cut off (its gzip has no end), make the dump again")


def _split(content: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in content:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest + b"\n"


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
