"""The database seen from a server: how far its certificate can be verified, and what its administrator grants."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from .document import Database
from .failure import Failure
from .machine import Done, Machine
from .site import Site, write

__all__ = ["Seen", "fingerprint", "grant", "grants", "look", "name", "psql", "said"]

CONNECTIONS = """SELECT current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int"""

MISMATCH = re.compile(r"server certificate for .* does not match host name")
PATIENCE = 8  # tries: a trusted source, a user or a name may be known a moment after it is made
PASSING = (
    *("timeout", "timed out", "refused", "could not translate", "starting up", "no pg_hba.conf"),
    *("password authentication failed", "does not exist"),
)


@dataclass(frozen=True)
class Seen:
    """What one look at the database told."""

    mode: str
    connections: int  # that ordinary users may have at a time


def fingerprint(database: Database) -> str:
    """Changes when another look is needed; says nothing about passwords."""
    facts = [database.host, database.port, database.name, database.user, database.extensions, database.ca]
    facts += [database.owner] if database.owner else []
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def look(site: Site, machine: Machine, database: Database) -> Seen:
    """Connect as the site does: verify-full, or verify-ca when the certificate is made out to another name."""
    write(site.ca, database.ca)
    for attempt in range(1, PATIENCE + 1):
        done = Done(0)
        for mode in ("verify-full", "verify-ca"):
            done = psql(site, machine, database, sql=CONNECTIONS, admin=False, mode=mode)
            if done.code == 0:
                return Seen(mode, int(done.out.strip() or 0))
            if not MISMATCH.search(done.err):
                break
        if attempt == PATIENCE or not _passing(done):
            break
        machine.pause(attempt)
    raise Failure(f"database: {said(done)}", detail=done.lines)


def grants(database: Database) -> list[str]:
    """What PostgreSQL 15 and newer refuse an ordinary user, in SQL."""
    user, own = name(database.user), name(database.name)
    return [
        f"GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {own} TO {user}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {user}",
        *(f"CREATE EXTENSION IF NOT EXISTS {name(extension)}" for extension in database.extensions),
    ]


def grant(site: Site, machine: Machine, database: Database, *, mode: str) -> None:
    """Let the site's user make its tables; done by the administrator, whose password the site never sees."""
    sql = ";\n".join(["SET client_min_messages = warning", *grants(database)])
    done = psql(site, machine, database, sql=sql, admin=True, mode=mode)
    if done.code:
        raise Failure(f"grants: {said(done)}", detail=done.lines)


def psql(
    site: Site,
    machine: Machine,
    database: Database,
    *,
    sql: str,
    admin: bool = False,
    login: tuple[str, str] | None = None,
    mode: str,
) -> Done:
    """Run statements as the site does, as its administrator, or with another login."""
    own = (database.admin_user, database.admin_password) if admin else (database.user, database.password)
    user, password = login or own
    env = {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGDATABASE": database.name,
        "PGUSER": user,
        "PGPASSWORD": password,
        "PGSSLMODE": mode,
        "PGSSLROOTCERT": str(site.ca),
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": "slipway",
    }
    argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=-"]
    return machine.run(argv, check=False, input=sql, env=env, limit=120)


def _passing(done: Done) -> bool:
    return any(text in done.err for text in PASSING)


def said(done: Done) -> str:
    """The line of psql's that tells what was wrong."""
    lines = [
        re.sub(r"^psql:(<stdin>:\d+:)?\s*(error:)?\s*", "", line) for line in done.err.splitlines() if line.strip()
    ]
    return next((line for line in lines if "FATAL" in line or "ERROR" in line), (lines or ["psql said nothing"])[-1])


def name(identifier: str) -> str:
    """An identifier in SQL."""
    return '"' + identifier.replace('"', '""') + '"'
