"""How many rows each table has: in the live cluster at one moment of its log, and in a restored one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..agent.machine import Machine
from .place import SOCKETS
from .running import sql

__all__ = ["Counted", "count", "differences", "writes"]

Counts = Mapping[tuple[str, str], int]  # (database, table) -> rows
LIMIT = 6 * 3600.0
SETTLED = 12.0  # seconds after which a session's writes are in the statistics at the latest

DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname <> {first}, 1"
# A table's own rows; what is not logged is empty after a restore.
TABLES = """FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'"""
NAME = "n.nspname || '.' || c.relname"
COUNTING = rf"""SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', {NAME}, n.nspname, c.relname)
{TABLES} ORDER BY 1 \gexec
"""
WRITES = f"""SELECT {NAME}, s.n_tup_ins + s.n_tup_del
{TABLES.replace("WHERE", "JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE", 1)}"""


@dataclass(frozen=True)
class Counted:
    """The rows of every table, and what had been written to it by then."""

    rows: dict[tuple[str, str], int]
    written: dict[tuple[str, str], int]
    at: float


def count(machine: Machine, *, first: str, point: str | None = None, sockets: str = SOCKETS) -> Counted:
    """Count everything, the database `first` first; there the moment is marked in the log under the name `point`."""
    written = writes(machine, first=first, sockets=sockets) if point else {}
    at = machine.now()
    rows: dict[tuple[str, str], int] = {}
    for number, database in enumerate(_databases(machine, first=first, sockets=sockets)):
        mark = f"SELECT pg_create_restore_point('{point}') \\g /dev/null\n" if point and number == 0 else ""
        text = f"BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT pg_current_snapshot() \\g /dev/null\n{mark}{COUNTING}"
        out = sql(machine, text, database=database, sockets=sockets, limit=LIMIT).out
        rows.update({(database, table): number for table, number in _lines(out)})
    return Counted(rows, written, at)


def writes(machine: Machine, *, first: str, sockets: str = SOCKETS) -> dict[tuple[str, str], int]:
    """How many rows have ever been added to each table or taken from it."""
    return {
        (database, table): number
        for database in _databases(machine, first=first, sockets=sockets)
        for table, number in _lines(sql(machine, WRITES, database=database, sockets=sockets).out)
    }


def differences(live: Counted, restored: Counts, *, written: Counts) -> list[str]:
    """Tables that cannot be the live ones: between two statements a site may write, but no more than it has written."""
    found = []
    for key in sorted(live.rows.keys() | restored.keys()):
        slack = max(0, written.get(key, 0) - live.written.get(key, 0))
        there, here = live.rows.get(key), restored.get(key)
        if there is None or here is None:
            if not (key in written and key not in live.written):  # made meanwhile
                found.append(f"{_name(key)}: {_rows(there)} live, {_rows(here)} restored")
        elif abs(there - here) > slack:
            found.append(f"{_name(key)}: {_rows(there)} live, {_rows(here)} restored")
    return found


def _databases(machine: Machine, *, first: str, sockets: str) -> list[str]:
    literal = "'" + first.replace("'", "''") + "'"
    return sql(machine, DATABASES.format(first=literal), sockets=sockets).out.splitlines()


def _lines(out: str) -> Iterator[tuple[str, int]]:
    for line in out.splitlines():
        name, _, number = line.rpartition("|")
        yield name, int(number)


def _name(key: tuple[str, str]) -> str:
    return f"{key[0]}: {key[1]}"


def _rows(number: int | None) -> str:
    return "no such table" if number is None else f"{number} row{'' if number == 1 else 's'}"
