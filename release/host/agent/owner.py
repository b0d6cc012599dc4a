"""Tables that outlive logins: they are a role's that nobody logs in as, and every session of a login acts as that role.

A new password for one login would shut out the slot that still serves as soon as it connects anew. So each rotation has
a login of its own; the tables are handed over before the new slot starts, one at a time: a lock is held for a moment.
"""

from __future__ import annotations

from collections.abc import Sequence

from .database import fingerprint, look, name, psql, said
from .document import Database, Document
from .failure import Failure
from .machine import Machine
from .site import Site
from .state import load, locked_state

__all__ = ["as_admin", "hand_over", "let_in", "wanted"]

PATIENCE = "SET lock_timeout = '2s'"  # requests queue behind a lock that is waited for
TRIES = 5


def wanted(document: Document) -> bool:
    """Whether logins come and go here, and this machine sees to it."""
    return bool(document.lead and document.database and document.database.owner)


def let_in(site: Site, machine: Machine, document: Document) -> None:
    """A login that has not been here before gets what the one before it had; nothing, mostly."""
    database = document.database
    assert database
    known = fingerprint(database)
    if load(site).proven.get("login") == known:
        return
    mode = look(site, machine, database).mode
    hand_over(site, machine, database, former=document.former_login, mode=mode)
    with locked_state(site) as state:
        state.proven["login"] = known


def hand_over(site: Site, machine: Machine, database: Database, *, former: tuple[str, str] | None, mode: str) -> None:
    """Let the new login act as the owner of everything; the one before goes on with the same rights."""
    new = (database.user, database.password)
    logins = [login for login in (new, former) if login]
    _run(site, machine, database, as_admin(database, [user for user, _ in logins]), admin=True, mode=mode)
    if former:
        _run(site, machine, database, as_former(database.owner), login=former, mode=mode)
    _run(site, machine, database, as_login(database.owner), login=new, mode=mode)


def as_admin(database: Database, users: Sequence[str]) -> list[str]:
    """The owner, what it may do, and who may be it."""
    owner, own = name(database.owner), name(database.name)
    lacking = f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{database.owner}')"
    return [
        f"SELECT 'CREATE ROLE {owner} NOLOGIN' {lacking} \\gexec",
        f"GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {own} TO {owner};",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {owner};",
        *(f"GRANT {owner} TO {name(user)};" for user in users),
        *(f"GRANT CONNECT ON DATABASE {own} TO {name(user)};" for user in users),
    ]


def as_former(owner: str) -> list[str]:
    """What it has made becomes the owner's: schemas, then what is in them, each on its own, then whatever is left."""
    mine = "(SELECT oid FROM pg_roles WHERE rolname = session_user)"
    linked = (
        "SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
    )
    kinds = (
        "CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END"
    )
    to = name(owner)
    return [
        "SET ROLE NONE;",
        f"SELECT format('ALTER SCHEMA %I OWNER TO {to}', nspname) FROM pg_namespace WHERE nspowner = {mine} \\gexec",
        f"SELECT format('ALTER %s %s OWNER TO {to}', {kinds}, c.oid::regclass) FROM pg_class c "
        f"WHERE relowner = {mine} AND relkind IN ('r', 'p', 'v', 'm', 'S') "
        f"AND NOT (relkind = 'S' AND EXISTS ({linked})) \\gexec",
        f"REASSIGN OWNED BY SESSION_USER TO {to};",
        *as_login(owner),
    ]


def as_login(owner: str) -> list[str]:
    """What it makes from now on is the owner's; it may be set by itself alone."""
    return ["SET ROLE NONE;", f"ALTER ROLE SESSION_USER SET role TO {name(owner)};"]


def _run(
    site: Site,
    machine: Machine,
    database: Database,
    statements: Sequence[str],
    *,
    admin: bool = False,
    login: tuple[str, str] | None = None,
    mode: str,
) -> None:
    """Again when somebody held a table: everything in it may be done twice."""
    sql = "\n".join(["SET client_min_messages = warning;", f"{PATIENCE};", *statements])
    for attempt in range(1, TRIES + 1):
        done = psql(site, machine, database, sql=sql, admin=admin, login=login, mode=mode)
        if done.code == 0:
            return
        if attempt == TRIES or "lock timeout" not in done.err:
            raise Failure(f"login: {said(done)}", detail=done.lines)
        machine.pause(attempt)
