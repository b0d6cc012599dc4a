"""SQL as pg_dump writes it, made fit for another owner and for one transaction of ours.

What sets owners and grants goes, and so does what opens and ends transactions; a command to psql itself is refused,
for it would leave the database. Lines of data, texts and function bodies pass as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .failure import Failure

__all__ = ["fitted"]

COPY = re.compile(rb"COPY\s.+\sFROM\s+stdin\b.*;\s*$", re.IGNORECASE)
LEFT_OUT = re.compile(
    rb"(ALTER\s.+\sOWNER\s+TO\s.+|GRANT\s.+|REVOKE\s.+|ALTER\s+DEFAULT\s+PRIVILEGES\s.+|SET\s+SESSION\s+AUTHORIZATION\s.+"
    rb"|COMMENT\s+ON\s+EXTENSION\s.+|COMMENT\s+ON\s+SCHEMA\s+public\s.+|CREATE\s+SCHEMA\s+public|SET\s+transaction_timeout\s.+"
    rb"|BEGIN(\s+(WORK|TRANSACTION)\b.*)?|START\s+TRANSACTION\b.*|COMMIT(\s+(WORK|TRANSACTION))?)\s*;\s*$",
    re.IGNORECASE,
)
OTHER = re.compile(rb"((CREATE|DROP|ALTER)\s+(DATABASE|ROLE|USER)|ROLLBACK|ABORT)\b[^$']*;\s*$", re.IGNORECASE)
OPENS = re.compile(rb"""--|/\*|[eE]?'|"|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$|\\""")
ESCAPED = re.compile(rb"(?:\\.|[^'\\])*'", re.DOTALL)  # the rest of a text in which a backslash means something
CLOSES = {b"/*": b"*/", b"e'": b"E'"}
COMMANDS = (b"\\restrict ", b"\\unrestrict ")  # pg_dump's own since 17.6; older psqls do not know them


def fitted(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that are to be run."""
    inside, copying = b"", False
    for number, line in enumerate(lines, 1):
        if copying:
            copying = line.rstrip(b"\r\n") != b"\\."
        elif not inside and (LEFT_OUT.match(line) or line.startswith(COMMANDS)):
            continue
        else:
            if not inside and OTHER.match(line):
                raise _foreign(number, line)
            try:
                inside = _open_after(line, inside)
            except ValueError:
                raise _foreign(number, line) from None
            copying = not inside and COPY.match(line) is not None
        yield line


def _open_after(line: bytes, inside: bytes) -> bytes:
    """What is open at the end of a line: the mark that will close it, or nothing."""
    at = 0
    while True:
        if inside:
            at = _closed(line, at, inside)
            if at < 0:
                return inside
        found = OPENS.search(line, at)
        if not found or found[0] == b"--":
            return b""
        if found[0] == b"\\":
            raise ValueError
        inside, at = CLOSES.get(found[0], found[0]), found.end()


def _closed(line: bytes, at: int, mark: bytes) -> int:
    """Behind the closing mark, -1 when the line has none."""
    if mark == b"E'":
        found = ESCAPED.match(line, at)
        return found.end() if found else -1
    place = line.find(mark, at)
    return place if place < 0 else place + len(mark)


def _foreign(number: int, line: bytes) -> Failure:
    text = line.decode(errors="replace").strip()[:60]
    rule = f"line {number}: should be about one database alone (got {text})"
    return Failure(f"{rule}, make the dump with pg_dump and without --create")
