"""What is inside a cluster: databases, users, settings."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Sequence

from rehearsal.cloud.digitalocean import cluster_backups
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.databases import ADMIN, DEFAULT_DB, find, online, user
from rehearsal.cloud.digitalocean.errors import conflict, forbidden, not_built, not_found, unprocessable
from rehearsal.cloud.rows import Database
from rehearsal.cloud.store import State

routes = Routes()
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,62}")
_DROPPING = threading.Lock()  # to drop a user, every database is visited: none may vanish meanwhile
TAKEN = ("postgres", "template0", "template1")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _password() -> str:
    return f"AVNS_{secrets.token_urlsafe(14)}"


def _name(call: Call) -> str:
    (name,) = call.need("name")
    if not IDENTIFIER.fullmatch(name) or name in TAKEN:
        raise unprocessable(f"invalid name {name!r}")
    return str(name)


def _run(call: Call, id: str, statements: Sequence[str], *, database: str = DEFAULT_DB) -> None:
    call.cloud.hypervisor.database_sql(id, database=database, statements=list(statements))


@routes.on("GET", "/databases/<id>/dbs")
def list_dbs(call: Call, id: str) -> Answer:
    """List databases."""
    with call.read() as state:
        return call.page("dbs", ({"name": name} for name in find(state, id).dbs))


@routes.on("POST", "/databases/<id>/dbs")
def create_db(call: Call, id: str) -> Answer:
    """Make a database; the admin owns it, so nobody else creates in its `public`."""
    name = _name(call)
    with call.change() as state:
        cluster = online(state, id)
        if name in cluster.dbs:
            raise conflict("database name is not available")
        cluster.dbs.append(name)
    _or_undo(call, id, [f"CREATE DATABASE {_identifier(name)} OWNER {ADMIN}"], dbs=name)
    return 201, {"db": {"name": name}}


def _or_undo(call: Call, id: str, statements: Sequence[str], *, dbs: str = "", users: str = "") -> None:
    """Run what a row stands for; the row goes again when that fails."""
    try:
        _run(call, id, statements)
    except Exception:
        with call.change() as state:
            cluster = find(state, id)
            cluster.dbs = [name for name in cluster.dbs if name != dbs]
            cluster.users.pop(users, None)
            cluster.user_settings.pop(users, None)
        raise


@routes.on("GET", "/databases/<id>/dbs/<name>")
def read_db(call: Call, id: str, name: str) -> Answer:
    """Show a database."""
    with call.read() as state:
        if name not in find(state, id).dbs:
            raise not_found()
    return 200, {"db": {"name": name}}


@routes.on("DELETE", "/databases/<id>/dbs/<name>")
def delete_db(call: Call, id: str, name: str) -> Answer:
    """Drop a database with all it holds."""
    if name == DEFAULT_DB:
        raise forbidden("cannot delete the default database")
    with _DROPPING:
        with call.read() as state:
            if name not in online(state, id).dbs:
                raise not_found()
        _run(call, id, [f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)"])
        with call.change() as state:
            find(state, id).dbs.remove(name)
    return DONE


@routes.on("GET", "/databases/<id>/users")
def list_users(call: Call, id: str) -> Answer:
    """List users."""
    with call.read() as state:
        cluster = find(state, id)
        return call.page("users", (user(cluster, name) for name in cluster.users))


@routes.on("POST", "/databases/<id>/users")
def create_user(call: Call, id: str) -> Answer:
    """Make a plain user, who owns nothing and may create nothing in `public`."""
    name, password = _name(call), _password()
    with call.change() as state:
        cluster = online(state, id)
        if name in cluster.users:
            raise conflict("user name is not available")
        cluster.users[name] = password
        if call.body.get("settings"):
            cluster.user_settings[name] = call.body["settings"]
    _or_undo(call, id, [f"CREATE ROLE {_identifier(name)} LOGIN PASSWORD {_literal(password)}"], users=name)
    return 201, {"user": user(cluster, name)}


def _user(state: State, id: str, name: str) -> Database:
    cluster = find(state, id)
    if name not in cluster.users:
        raise not_found()
    return cluster


@routes.on("GET", "/databases/<id>/users/<name>")
def read_user(call: Call, id: str, name: str) -> Answer:
    """Show a user."""
    with call.read() as state:
        return 200, {"user": user(_user(state, id, name), name)}


@routes.on("PUT", "/databases/<id>/users/<name>")
def change_user(call: Call, id: str, name: str) -> Answer:
    """Take a user's settings; Postgres has none that matter here."""
    with call.change() as state:
        cluster = _user(state, id, name)
        cluster.user_settings[name] = call.body.get("settings") or {}
        return 201, {"user": user(cluster, name)}


@routes.on("DELETE", "/databases/<id>/users/<name>")
def delete_user(call: Call, id: str, name: str) -> Answer:
    """Drop a user; what it owned goes to the admin."""
    if name == ADMIN:
        raise forbidden("cannot delete the primary user")
    with _DROPPING:
        _drop_user(call, id, name)
    return DONE


def _drop_user(call: Call, id: str, name: str) -> None:
    with call.read() as state:
        dbs = list(_user(state, id, name).dbs)
        online(state, id)
    role = _identifier(name)
    for db in dbs:
        _run(call, id, [f"REASSIGN OWNED BY {role} TO {ADMIN}", f"DROP OWNED BY {role}"], database=db)
    _run(call, id, [f"DROP ROLE IF EXISTS {role}"])
    with call.change() as state:
        find(state, id).users.pop(name, None)
        find(state, id).user_settings.pop(name, None)


@routes.on("POST", "/databases/<id>/users/<name>/reset_auth")
def reset_user(call: Call, id: str, name: str) -> Answer:
    """Give a user a new password."""
    password = _password()
    with call.read() as state:
        _user(state, id, name)
        online(state, id)
    _run(call, id, [f"ALTER ROLE {_identifier(name)} PASSWORD {_literal(password)}"])
    with call.change() as state:
        cluster = _user(state, id, name)
        cluster.users[name] = password
        return 200, {"user": user(cluster, name)}


@routes.on("GET", "/databases/<id>/pools")
def list_pools(call: Call, id: str) -> Answer:
    """List connection pools: there are none."""
    with call.read() as state:
        find(state, id)
    return call.page("pools", ())


@routes.on("POST", "/databases/<id>/pools")
def create_pool(call: Call, id: str) -> Answer:
    """Refuse a connection pool by name."""
    raise not_built("connection pools")


@routes.on("GET", "/databases/<id>/config")
def read_config(call: Call, id: str) -> Answer:
    """Show the Postgres settings that were asked for."""
    with call.read() as state:
        return 200, {"config": find(state, id).config}


@routes.on("PATCH", "/databases/<id>/config")
def change_config(call: Call, id: str) -> Answer:
    """Refuse settings by name: the rehearsal's Postgres would not get them."""
    raise not_built("changing a cluster's Postgres settings")


@routes.on("GET", "/databases/<id>/autoscale")
def read_autoscale(call: Call, id: str) -> Answer:
    """Say that storage does not grow by itself."""
    with call.read() as state:
        find(state, id)
    return 200, {"autoscale": {"storage": {"enabled": False, "threshold_percent": 80, "increment_gib": 10}}}


@routes.on("GET", "/databases/<id>/eviction_policy")
def read_eviction(call: Call, id: str) -> Answer:
    """Show what only other engines have."""
    with call.read() as state:
        find(state, id)
    return 200, {"eviction_policy": "noeviction"}


@routes.on("GET", "/databases/<id>/backups")
def list_backups(call: Call, id: str) -> Answer:
    """List backups: those that were asked for under /_cloud/, no day is long enough here for another."""
    with call.read() as state:
        backups = cluster_backups.render(find(state, id))
    hours = {"backup_hour": 3, "backup_minute": 0, "backup_interval_hours": 24}
    return 200, {"backups": backups, "scheduled_backup_time": hours, "backup_progress": "0"}


@routes.on("PUT", "/databases/<id>/maintenance")
def change_maintenance(call: Call, id: str) -> Answer:
    """Take the hour of maintenance."""
    with call.change() as state:
        find(state, id).maintenance = {k: v for k, v in call.body.items() if k in ("day", "hour")}
    return DONE
