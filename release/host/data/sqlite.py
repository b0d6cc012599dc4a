"""A database file, taken and replaced while the site has it open."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from .failure import Failure
from .frames import PIECE, send_piece
from .place import Sqlite

__all__ = ["dump", "held", "load", "shell"]

HEADER = b"SQLite format 3\0"
PATIENCE = 15.0
TABLES = """SELECT count(*) FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_litestream_%'"""


def held(place: Sqlite) -> int:
    """How many tables there are."""
    if not place.path.exists():
        return 0
    with closing(sqlite3.connect(place.path, timeout=PATIENCE)) as database:
        return _tables(database)


def dump(place: Sqlite, out: BinaryIO) -> dict[str, Any]:
    """Send a copy that is one moment of the database, checked before its first byte goes."""
    if not place.path.exists():
        raise Failure(f"{place.path}: is not there yet")
    digest = hashlib.sha256()
    with _scratch() as copy:
        with closing(sqlite3.connect(place.path, timeout=PATIENCE)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
            tables = _checked(target)
        with copy.open("rb") as file:
            while piece := file.read(PIECE):
                send_piece(out, piece)
                digest.update(piece)
        return {"bytes": copy.stat().st_size, "sha256": digest.hexdigest(), "tables": tables}


def load(place: Sqlite, content: Iterator[bytes]) -> dict[str, Any]:
    """Put another database in the place of this one, in one transaction of SQLite's own."""
    with _scratch() as copy:
        with copy.open("wb") as file:
            file.writelines(content)
        with copy.open("rb") as file:
            header = file.read(len(HEADER))
        if header != HEADER:
            raise Failure("the file should be an SQLite database, as slipway db dump makes it (got something else)")
        place.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(place.path)) as target:
                tables = _checked(source)
                if not tables:
                    raise Failure("the file holds no table")
                _alike(source, target)
                target.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
                source.backup(target)
        except sqlite3.Error as error:
            raise Failure(f"database: {error}; nothing was changed") from None
    return {"tables": tables}


def shell(place: Sqlite, words: list[str]) -> NoReturn:
    """Become SQLite's own command line."""
    os.execv(sys.executable, [sys.executable, "-m", "sqlite3", str(place.path), *words])


def _alike(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """A database in WAL mode takes pages of its own size only."""
    size = target.execute("PRAGMA page_size").fetchone()[0]
    source.execute("PRAGMA journal_mode = DELETE")
    if source.execute("PRAGMA page_size").fetchone()[0] != size:
        source.execute(f"PRAGMA page_size = {size}")
        source.execute("VACUUM")


def _checked(database: sqlite3.Connection) -> int:
    """How many tables a whole database has; one that is not whole is refused."""
    try:
        found = database.execute("PRAGMA integrity_check").fetchone()[0]
        count = _tables(database)
    except sqlite3.DatabaseError as error:
        raise Failure(f"the file is damaged ({error}), make the dump again") from None
    if found != "ok":
        raise Failure(f"the file is damaged ({str(found).splitlines()[0]}), make the dump again")
    return count


def _tables(database: sqlite3.Connection) -> int:
    return int(database.execute(TABLES).fetchone()[0])


@contextmanager
def _scratch() -> Iterator[Path]:
    """A file beside the site's temporary ones, with room for a database, gone afterwards."""
    directory = tempfile.mkdtemp(prefix="slipway-db-")
    try:
        yield Path(directory) / "copy.sqlite3"
    finally:
        shutil.rmtree(directory)
