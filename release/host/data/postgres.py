"""A Postgres database through PostgreSQL's own tools."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from typing import IO, Any, BinaryIO, NoReturn

from .failure import Failure, said
from .formats import lines_of
from .frames import PIECE, send_piece
from .place import Postgres
from .plain_sql import fitted
from .tool import Tool

__all__ = ["dump", "held", "load", "shell"]

LOCK = 0x736C6970776179  # migrations of a release take the same one
PSQL = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-")

COUNT = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"""

OPENING = f"""SET client_min_messages = warning;
BEGIN;
SET LOCAL lock_timeout = '15s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
DO $slipway$ BEGIN
    IF NOT pg_try_advisory_xact_lock({LOCK}) THEN
        RAISE 'a migration is running on this database, wait for it';
    END IF;
END $slipway$;
"""

# What belongs to extensions stays: only the administrator could make it again.
EMPTYING = """DO $slipway$
DECLARE each record;
BEGIN
    FOR each IN SELECT nspname FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'public' AND pg_get_userbyid(nspowner) = current_user
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', each.nspname); END LOOP;
    FOR each IN SELECT relname, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind
        FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'a', 'i'))
    LOOP EXECUTE format('DROP %s IF EXISTS public.%I CASCADE', each.kind, each.relname); END LOOP;
    FOR each IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', each.name); END LOOP;
    FOR each IN SELECT typname FROM pg_type t WHERE typnamespace = 'public'::regnamespace
        AND (typtype IN ('e', 'd', 'r') OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    LOOP EXECUTE format('DROP TYPE IF EXISTS public.%I CASCADE', each.typname); END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_get_userbyid(lomowner) = current_user;
END $slipway$;
"""

CLOSING = f"""
DO $slipway$ BEGIN
    IF ({COUNT}) = 0 THEN RAISE 'the dump holds no table'; END IF;
END $slipway$;
COMMIT;
\\unset ON_ERROR_STOP
SET client_min_messages = error;
ANALYZE;
"""


def held(place: Postgres) -> int:
    """How many tables there are."""
    return int(_asked(place, COUNT).strip() or 0)


def dump(place: Postgres, out: BinaryIO) -> dict[str, Any]:
    """Send the whole database in pg_dump's custom format, read once more on its way as a restore would read it."""
    digest, size = hashlib.sha256(), 0
    with (
        Tool(["pg_dump", "--format=custom", "--no-password"], env=place.env, stdout=subprocess.PIPE) as dumping,
        Tool(["pg_restore", "--file=/dev/null", "--verbose"], stdin=subprocess.PIPE) as reading,
    ):
        for piece in _pieces(dumping.output):
            reading.feed(piece)
            send_piece(out, piece)
            digest.update(piece)
            size += len(piece)
        dumping.end()
        reading.end()
        tables = sum("processing data for table" in line for line in reading.lines)
    return {"bytes": size, "sha256": digest.hexdigest(), "tables": tables}


def load(place: Postgres, content: Iterator[bytes]) -> dict[str, Any]:
    """Put a dump in the place of whatever there is: all of it in one transaction, or nothing."""
    with Tool(PSQL, env=place.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        try:
            for text in (OPENING, EMPTYING):
                running.feed(text.encode())
            for line in fitted(lines_of(content)):
                running.feed(line)
        except Failure as failure:
            raise Failure(f"{failure}; nothing was changed") from None
        # Only now: whatever failed before this line has ended the connection, and with it the transaction.
        running.feed(CLOSING.encode())
        running.end()
    return {"tables": held(place)}


def shell(place: Postgres, words: Iterable[str]) -> NoReturn:
    """Become psql as the site's user; what is typed is kept nowhere."""
    env = {**os.environ, **place.env, "PSQL_HISTORY": "/dev/null"}
    os.execvpe("psql", ["psql", "--no-psqlrc", *words], env)


def _pieces(output: IO[bytes]) -> Iterator[bytes]:
    while piece := output.read(PIECE):
        yield piece


def _asked(place: Postgres, sql: str) -> str:
    done = subprocess.run(PSQL, input=sql, env={**os.environ, **place.env}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(said(done.stderr.splitlines(), tool="database"))
    return done.stdout
