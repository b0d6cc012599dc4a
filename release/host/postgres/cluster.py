"""The cluster: made with checksums, or adopted from the disk; its configuration; started, restarted only if needed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..agent.failure import Failure
from ..agent.machine import Machine
from ..agent.site import write
from .document import Document
from .files import put, put_text
from .network import Network
from .place import CLUSTER, VERSION, Facts, Place
from .running import OWNER, ask, sql
from .sizing import memory_settings

__all__ = ["configure", "ensure_cluster", "facts", "run"]

START_LIMIT = 900  # seconds: a large database that was killed replays what it has written


def ensure_cluster(place: Place, machine: Machine) -> list[str]:
    """A cluster of our version on the disk; of another one nothing is touched.

    Debian's tool makes a new one aside, whose configuration is then pointed to the data: it takes over no data without
    a configuration beside it, tidies up after a failure, and what it left half made would look like a cluster.
    """
    _refuse_other_version(place)
    found = (place.data / "PG_VERSION").exists()
    if found and _names(place, place.data):
        return []
    aside = place.data.with_name(f"{CLUSTER}.new")
    for leftover in (place.configuration, aside):
        shutil.rmtree(leftover, ignore_errors=True)
    options = ["--locale=C.UTF-8", "--encoding=UTF8", "--start-conf=auto", f"--datadir={_there(place, aside)}"]
    machine.run(["pg_createcluster", *options, VERSION, CLUSTER, "--", "--data-checksums"])
    if found:
        shutil.rmtree(aside, ignore_errors=True)
        _take_over(machine, place)
    else:
        write(place.blank, "")
        machine.run(["mv", "--no-target-directory", _there(place, aside), _there(place, place.data)])
    machine.run(["pg_conftool", VERSION, CLUSTER, "set", "data_directory", _there(place, place.data)])
    return ["adopted" if found else "made"]


def _names(place: Place, data: Path) -> bool:
    """Whether the configuration is that of this data."""
    try:
        lines = (place.configuration / "postgresql.conf").read_text().splitlines()
    except FileNotFoundError:
        return False
    return any(re.match(rf"data_directory\s*=\s*'{re.escape(_there(place, data))}'", line) for line in lines)


def _there(place: Place, path: Path) -> str:
    """A path as the machine itself knows it."""
    return f"/{path.relative_to(place.root)}"


def _refuse_other_version(place: Place) -> None:
    for marker in sorted(place.disk.glob(f"*/{CLUSTER}/PG_VERSION")):
        if (version := marker.read_text().strip()) != VERSION:
            raise Failure(
                f"disk: should hold a Postgres {VERSION} (got {version}), its data is left as it is: "
                f"load a dump of it into a new database, or bring it to {VERSION} with pg_upgrade first"
            )


def _take_over(machine: Machine, place: Place) -> None:
    """The number of the user postgres may be another one than on the machine before."""
    machine.run(["chown", "--recursive", f"{OWNER}:{OWNER}", _there(place, place.disk / VERSION)])
    (place.data / "postmaster.pid").unlink(missing_ok=True)  # of a machine that was taken away while it ran


def configure(place: Place, machine: Machine, document: Document, network: Network, *, memory: int) -> list[str]:
    """Write everything Postgres reads; what has changed."""
    disk = shutil.disk_usage(place.disk).total
    # The firewall opens one interface only, and an address of the machine may come late.
    listen = "*" if document.alone else "localhost"
    values: dict[str, Any] = {"site": document.site, "listen": listen}
    values |= memory_settings(memory, disk, alone=document.alone)
    conf = place.configuration
    changed = {
        "certificate": put_text(place.tls / "server.crt", document.certificate)
        | put_text(place.tls / "server.key", document.private_key, mode=0o640, group=OWNER)
        | put_text(place.tls / "ca.crt", document.authority),
        "settings": put(conf / "conf.d/slipway.conf", "postgresql.conf", **values),
        "access": put(conf / "pg_hba.conf", "pg_hba.conf", mode=0o640, group=OWNER, range=network.range),
        "unit": put(place.units / f"{place.unit}.d/slipway.conf", "cluster.conf"),
    }
    if changed["unit"]:
        machine.run(["systemctl", "daemon-reload"])
    return [name for name, is_new in changed.items() if is_new]


def run(place: Place, machine: Machine, *, changed: Sequence[str]) -> list[str]:
    """Have it running with what was written; restarted only where Postgres says that it needs to be."""
    started = machine.run(["systemctl", "is-active", "--quiet", place.unit], check=False).code != 0
    if started:
        machine.run(["systemctl", "reset-failed", place.unit], check=False)
        machine.run(["systemctl", "start", place.unit], limit=START_LIMIT)
        _await(machine, place)
        return ["started"]
    if not changed:
        return []
    machine.run(["systemctl", "reload", place.unit])
    machine.pause(0.5)
    _await(machine, place)
    if ask(machine, "SELECT count(*) FROM pg_settings WHERE pending_restart") == "0":
        return ["reloaded"]
    machine.run(["systemctl", "restart", place.unit], limit=START_LIMIT)
    _await(machine, place)
    return ["restarted"]


def _await(machine: Machine, place: Place) -> None:
    end = machine.now() + START_LIMIT
    while (done := sql(machine, "SELECT 1", check=False)).code:
        if machine.now() > end or ("starting up" not in done.err and _is_down(machine, place)):
            log = machine.run(
                ["tail", "-n", "20", f"/var/log/postgresql/postgresql-{VERSION}-{CLUSTER}.log"], check=False
            )
            raise Failure("postgres: does not start", detail=[*done.lines, *log.lines])
        machine.pause(0.3)


def _is_down(machine: Machine, place: Place) -> bool:
    return machine.run(["systemctl", "is-failed", "--quiet", place.unit], check=False).code == 0


def facts(place: Place, document: Document) -> Facts:
    """What the tools on the machine have to know."""
    return Facts(
        site=document.site,
        database=document.database,
        data=_there(place, place.data),
        address=document.address,
    )
