"""The site's role, its admin, their passwords, the database; then the proof that both can log in as they will."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator

from ..agent.failure import Failure
from ..agent.machine import Machine
from .document import Document, Login
from .place import PORT, Place
from .running import sql

__all__ = ["ensure_roles", "log_in", "rotated", "verifier"]

ROUNDS = 4096


def ensure_roles(place: Place, machine: Machine, document: Document) -> list[str]:
    """What was made or changed; a password that still opens is left alone."""
    made = sql(machine, "\n".join(_statements(document))).out.split("\n")
    done = [line for line in made if line.strip()]
    if document.owner:
        left = sql(machine, "\n".join(rotated(document)), database=document.database).out.split("\n")
        done += [line for line in left if line.strip()]
    for login in filter(None, (document.admin, document.user, document.former)):
        done += _password(place, machine, document, login)
    return done


def _statements(document: Document) -> Iterator[str]:
    """Each thing is named, then made, where it is missing."""
    database, admin = document.database, document.admin.role
    users = [login.role for login in (document.user, document.former) if login]
    plain = "NOCREATEDB NOCREATEROLE"
    for role, rights in ((admin, "CREATEDB CREATEROLE"), *((user, plain) for user in users)):
        lacking = f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        yield f"SELECT 'role {role}' {lacking};"
        yield f"SELECT 'CREATE ROLE {_name(role)} LOGIN NOSUPERUSER {rights}' {lacking} \\gexec"
    lacking = f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}')"
    yield f"SELECT 'database {database}' {lacking};"
    yield f"SELECT 'CREATE DATABASE {_name(database)} OWNER {_name(admin)}' {lacking} \\gexec"
    # The admin hands on what is its own: the schema of a database that it owns, and the site's role.
    yield "SET client_min_messages = warning;"
    yield f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC;"
    for user in users:
        yield f"GRANT {_name(user)} TO {_name(admin)} WITH ADMIN OPTION;"
        yield f"GRANT CONNECT ON DATABASE {_name(database)} TO {_name(user)};"


def rotated(document: Document) -> Iterator[str]:
    """The owner of the tables, and who acts as it; logins that are not named are gone, and what was theirs is its.

    The login before goes on as itself until the release has handed its tables over.
    """
    owner, database = _name(document.owner), document.database
    valid = ", ".join(f"'{login.role}'" for login in (document.user, document.former) if login)
    gone = f"rolcanlogin AND rolname ~ '^{database}(_[0-9]+)?$' AND rolname NOT IN ({valid})"
    lacking = f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{document.owner}')"
    yield "SET client_min_messages = warning;"
    yield f"SELECT 'CREATE ROLE {owner} NOLOGIN' {lacking} \\gexec"
    yield f"GRANT {owner} TO {_name(document.admin.role)} WITH ADMIN OPTION;"
    yield f"GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {_name(database)} TO {owner};"
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {owner};"
    yield f"GRANT {owner} TO {_name(document.user.role)};"
    yield f"ALTER ROLE {_name(document.user.role)} SET role TO {owner};"
    yield f"SELECT 'login ' || rolname || ' removed' FROM pg_roles WHERE {gone};"
    for step in ("REASSIGN OWNED BY %I TO {owner}", "DROP OWNED BY %I", "DROP ROLE %I"):
        yield f"SELECT format('{step.format(owner=owner)}', rolname) FROM pg_roles WHERE {gone} \\gexec"


def log_in(place: Place, machine: Machine, document: Document, login: Login) -> str:
    """Log in the way the environment's servers do, certificate and name verified; why not, or nothing."""
    where = {
        "PGHOST": document.address,
        "PGPORT": str(PORT),
        "PGDATABASE": document.database,
        "PGUSER": login.role,
        "PGPASSWORD": login.password,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(place.tls / "ca.crt"),
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": "slipway",
    }
    argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--file=-"]
    done = machine.run(argv, check=False, input="SELECT 1", env=where, limit=30)
    return done.err.strip() or "psql said nothing" if done.code else ""


def verifier(password: str, *, salt: bytes | None = None) -> str:
    """What Postgres keeps of a password: with it no password is in a statement, nor in the log of one that fails."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ROUNDS}:{told[0]}${told[1]}:{told[2]}"


def _password(place: Place, machine: Machine, document: Document, login: Login) -> list[str]:
    why = log_in(place, machine, document, login)
    if not why:
        return []
    if "password authentication failed" not in why:
        raise _refused(login, why)
    sql(machine, f"ALTER ROLE {_name(login.role)} PASSWORD '{verifier(login.password)}'")
    if why := log_in(place, machine, document, login):
        raise _refused(login, why)
    return [f"password of {login.role}"]


def _refused(login: Login, why: str) -> Failure:
    return Failure(f"postgres: {login.role} cannot log in: {why.splitlines()[0]}", detail=why.splitlines())


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
