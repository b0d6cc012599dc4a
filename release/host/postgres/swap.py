"""A cluster set aside while another takes its place, and put back."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..agent.failure import Failure
from ..agent.machine import Machine
from .opening import last_words, opened
from .place import VERSION, Place
from .running import ask, sql

__all__ = ["Unit", "asides", "forget_recovery", "free", "put_back", "remove", "set_aside", "since", "used"]

MARK = ".before-"
RECOVERY = (
    "restore_command",
    *(f"recovery_target{end}" for end in ("", "_time", "_name", "_inclusive", "_action", "_timeline")),
)
FORM = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Unit:
    """The machine's own cluster."""

    machine: Machine
    place: Place

    def stop(self) -> None:
        self.machine.run(["systemctl", "stop", self.place.unit], limit=600)

    def start(self, *, log_of: str) -> None:
        """Start it and wait until it takes writes; what it says when it cannot is the cause."""
        since = self._log().stat().st_size if self._log().exists() else 0
        self.machine.run(["systemctl", "start", self.place.unit], check=False, limit=None)
        if not opened(self.machine, self.place.data):
            raise Failure(f"{log_of} does not start: {last_words(self._log(), since=since)}")

    def _log(self) -> Path:
        return self.place.root / f"var/log/postgresql/postgresql-{VERSION}-main.log"


def set_aside(machine: Machine, data: Path) -> Path:
    """Rename the cluster, and leave a copy in its place for pgBackRest to change only what differs."""
    aside = data.with_name(f"{data.name}{MARK}{datetime.now(UTC).strftime(FORM)}")
    data.rename(aside)
    try:
        machine.run(["cp", "--archive", "--reflink=auto", str(aside), str(data)], limit=None)
    except BaseException:
        remove(data)
        aside.rename(data)
        raise
    return aside


def put_back(machine: Machine, unit: Unit, aside: Path, *, site: str) -> None:
    """The cluster that was set aside serves again, on a timeline of its own.

    Without one, what the other cluster has archived meanwhile would be taken for its future by the next restore.
    """
    unit.stop()
    data = unit.place.data
    remove(data)
    aside.rename(data)
    shown = [
        f"restore_command = 'pgbackrest --stanza={site} archive-get %f \"%p\"'",
        "recovery_target_timeline = 'current'",
    ]
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write("".join(f"{line}\n" for line in shown))
    (data / "standby.signal").touch()
    shutil.chown(data / "standby.signal", "postgres", "postgres")
    _promoted(machine, unit)
    forget_recovery(machine)


def forget_recovery(machine: Machine) -> None:
    """What this recovery was told is not for the next one."""
    for name in RECOVERY:
        sql(machine, f"ALTER SYSTEM RESET {name}")


def _promoted(machine: Machine, unit: Unit) -> None:
    machine.run(["systemctl", "start", unit.place.unit], check=False, limit=None)
    until = machine.now() + 600
    while sql(machine, "SELECT 1", check=False).code:
        if machine.now() > until or not (unit.place.data / "postmaster.pid").exists():
            raise Failure("the cluster that was set aside does not start, see journalctl -u 'postgresql@*'")
        machine.pause(0.5)
    ask(machine, "SELECT pg_promote(true, 600)")


def asides(data: Path) -> list[Path]:
    """The clusters that were set aside, newest last."""
    return sorted(path for path in data.parent.glob(f"{data.name}{MARK}*") if re.search(r"\dZ$", path.name))


def since(aside: Path) -> float:
    """When it was set aside."""
    return datetime.strptime(aside.name.split(MARK)[1], FORM).replace(tzinfo=UTC).timestamp()


def remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def used(path: Path) -> int:
    """Bytes of the files below; those that go meanwhile do not count."""
    total = 0
    for file in path.rglob("*"):
        try:
            total += 0 if file.is_symlink() else file.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def free(path: Path) -> int:
    return shutil.disk_usage(path).free
