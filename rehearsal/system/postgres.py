"""Managed Postgres clusters as DigitalOcean has them: TLS only, doadmin who is no superuser, trusted sources."""

import json
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import ca, processes, services, wiring

_BIN = "/usr/lib/postgresql/17/bin"
_RESERVED = 3  # superuser_reserved_connections: what the cloud keeps for itself, on top of what users get
_EVERYWHERE = ["0.0.0.0/0"]


class DatabaseError(RuntimeError):
    """A cluster did not do what the cloud asked of it"""


def create(
    *,
    cluster: str,
    host_ip: str,
    names: Sequence[str],
    port: int,
    admin_password: str,
    max_connections: int,
    version: str,
    copy_of: tuple[str, str] | None = None,
) -> None:
    """Make a cluster and wait until it accepts connections; one that is there already is only started.

    `copy_of` is another cluster and one of its backups: what was in it then is in this one.
    """
    if version != "17":
        raise DatabaseError(f"postgres: version: should be 17, as in Debian 13 (got {version!r}), ask the API for 17")
    place = paths.postgres(cluster)
    if not (place / "cluster.json").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        about = {"id": cluster, "host_ip": host_ip, "port": port, "trusted": _EVERYWHERE, "prepared": False}
        _furnish(cluster, names=[*names, host_ip], about=about, connections=max_connections + _RESERVED)
        _restore(cluster, backup=_backup(*copy_of)) if copy_of else _initialise(cluster)
        processes.write_json(place / "cluster.json", about)
    start(cluster)
    if not definition(cluster)["prepared"]:
        _prepare(cluster, admin_password)


def _furnish(cluster: str, *, names: Sequence[str], about: dict[str, Any], connections: int) -> None:
    place, owner = paths.postgres(cluster), services.account("postgres")
    for directory in ("data", "run", "backups"):
        (place / directory).mkdir(mode=0o700)
    _write_certificate(place, names)
    values = {"@address@": about["host_ip"], "@port@": str(about["port"]), "@connections@": str(connections)}
    (place / "postgresql.conf").write_text(_filled(Path(__file__).with_name("postgresql.conf").read_text(), values))
    _write_access(place, about["trusted"])
    for path in [place, *place.iterdir()]:
        os.chown(path, *owner)


def _initialise(cluster: str) -> None:
    initdb = [f"{_BIN}/initdb", "-D", "/home/data", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "peer"]
    _run(cluster, [*initdb, "--no-instructions"])


def _restore(cluster: str, *, backup: Path) -> None:
    """The data as it was then; what was set in that cluster since its birth is this one's own affair."""
    data, owner = paths.postgres(cluster) / "data", services.account("postgres")
    shutil.copytree(backup, data, dirs_exist_ok=True)
    (data / "postgresql.auto.conf").write_text("")
    for folder, _, files in os.walk(data):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            os.chown(path, *owner)


def back_up(cluster: str, label: str) -> int:
    """Copy a running cluster as it is now; the copy's bytes."""
    place, port = _backup(cluster, label), str(definition(cluster)["port"])
    source = ["--host=/home/run", f"--port={port}", "--username=postgres"]
    _run(cluster, [f"{_BIN}/pg_basebackup", *source, "--checkpoint=fast", f"--pgdata=/home/backups/{place.name}"])
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())


def _backup(cluster: str, label: str) -> Path:
    return paths.postgres(cluster) / "backups" / label.replace(":", "")


def _filled(template: str, values: dict[str, str]) -> str:
    for mark, value in values.items():
        template = template.replace(mark, value)
    return template


def _write_certificate(place: Path, names: Sequence[str]) -> None:
    certificate, key = ca.databases().issue(names)
    (place / "server.crt").write_text(certificate)
    ca.write_private(place / "server.key", key)


def _write_access(place: Path, trusted: Sequence[str]) -> None:
    """Passwords over TLS, from trusted sources only; the superuser from here, never over the network."""
    ranges = [address if "/" in address else f"{address}/{128 if ':' in address else 32}" for address in trusted]
    lines = ["local all postgres peer", "local replication postgres peer", "host all postgres all reject"]
    lines += [f"hostssl all all {address} scram-sha-256" for address in ranges]
    unfinished = place / "pg_hba.conf.new"
    unfinished.write_text("\n".join(lines) + "\n")
    os.chown(unfinished, *services.account("postgres"))
    unfinished.rename(place / "pg_hba.conf")


def start(cluster: str) -> None:
    """Start a cluster and wait until it accepts connections; a running one is left alone."""
    place, about = paths.postgres(cluster), definition(cluster)
    wiring.add_service_address(about["host_ip"])
    if not running(cluster):
        # What a killed server left; the record knows better who runs.
        for leftover in [place / "data/postmaster.pid", *(place / "run").iterdir()]:
            leftover.unlink(missing_ok=True)
    server = [f"{_BIN}/postgres", "-D", "/home/data", "-c", "config_file=/home/postgresql.conf"]
    processes.spawn("postgres", cluster, services.command(_plan(cluster), server))
    ready = [f"{_BIN}/pg_isready", "-q", "-h", "/home/run", "-p", str(about["port"])]
    plan = _plan(cluster)
    if not processes.wait_until(lambda: services.run(plan, ready).returncode == 0 or not running(cluster), limit=60):
        raise DatabaseError(f"postgres: {cluster}: should accept connections within 60 s, see {_log(cluster)}")
    if not running(cluster):
        raise DatabaseError(f"postgres: {cluster}: did not start\n{_log(cluster).read_text()[-2000:]}")


def _prepare(cluster: str, admin_password: str) -> None:
    """The admin and the default database, as a new cluster of DigitalOcean has them."""
    exists = "SELECT FROM pg_roles WHERE rolname = 'doadmin'"
    sql(
        cluster,
        database="postgres",
        statements=[
            f"DO $$ BEGIN IF NOT EXISTS ({exists}) THEN CREATE ROLE doadmin; END IF; END $$",
            f"ALTER ROLE doadmin LOGIN CREATEDB CREATEROLE PASSWORD '{_quoted(admin_password)}'",
        ],
    )
    if "defaultdb" not in query(cluster, "SELECT datname FROM pg_database"):
        sql(cluster, database="postgres", statements=["CREATE DATABASE defaultdb OWNER doadmin"])
    _remember(cluster, prepared=True)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def sql(cluster: str, *, database: str, statements: Sequence[str]) -> None:
    """Run statements one by one as the superuser; they travel on stdin, because they may carry passwords."""
    _psql(
        cluster, database=database, script="".join(f"{statement.rstrip().rstrip(';')};\n" for statement in statements)
    )


def query(cluster: str, statement: str, *, database: str = "postgres") -> list[str]:
    """The rows of a query of the superuser."""
    return _psql(cluster, database=database, script=f"{statement};\n").splitlines()


def _psql(cluster: str, *, database: str, script: str) -> str:
    client = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "/home/run", "-p", str(definition(cluster)["port"])]
    return _run(cluster, [*client, "-U", "postgres", "-d", database, "-f", "-"], input=script)


def _run(cluster: str, argv: list[str], *, input: str = "") -> str:
    done = services.run(_plan(cluster), argv, input=input)
    if done.returncode:
        raise DatabaseError(f"postgres: {cluster}: {argv[0]}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def _plan(cluster: str) -> Path:
    return services.plan(paths.postgres(cluster), user="postgres")


def set_trusted(cluster: str, addresses: Sequence[str]) -> None:
    """Let only these addresses in, from their next connection on."""
    _write_access(paths.postgres(cluster), addresses)
    _remember(cluster, trusted=list(addresses))
    if running(cluster):
        query(cluster, "SELECT pg_reload_conf()")


def resize(cluster: str, *, max_connections: int) -> None:
    """Give a cluster another number of connections, which takes a restart, as a failover to a bigger node does."""
    query(cluster, f"ALTER SYSTEM SET max_connections = {max_connections + _RESERVED}")
    if record := processes.find("postgres", cluster):
        processes.end(record, first=signal.SIGINT)
    start(cluster)


def definition(cluster: str) -> dict[str, Any]:
    """What is known about a cluster."""
    found: dict[str, Any] = json.loads((paths.postgres(cluster) / "cluster.json").read_text())
    return found


def _remember(cluster: str, **changes: object) -> None:
    processes.write_json(paths.postgres(cluster) / "cluster.json", {**definition(cluster), **changes})


def running(cluster: str) -> bool:
    """Whether a cluster's server runs."""
    record = processes.find("postgres", cluster)
    return record is not None and processes.alive(record)


def _log(cluster: str) -> Path:
    return paths.log(f"postgres-{cluster}")


def destroy(cluster: str) -> None:
    """Remove a cluster with its data; an absent one is fine."""
    place = paths.postgres(cluster)
    if record := processes.find("postgres", cluster):
        processes.end(record, first=signal.SIGINT)
    if (mark := place / "cluster.json").exists():
        wiring.remove_service_address(definition(cluster)["host_ip"])
        mark.unlink()  # first of all: who is killed here leaves no cluster to start again
    shutil.rmtree(place, ignore_errors=True)


def known() -> list[str]:
    """All clusters, running or not."""
    return sorted(file.parent.name for file in paths.POSTGRES.glob("*/cluster.json"))


def adopt() -> None:
    """Start again what does not run."""
    for cluster in known():
        start(cluster)
