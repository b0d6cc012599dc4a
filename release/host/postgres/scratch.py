"""A throw-away cluster: a directory of its own, a socket in it, and nothing else of it on the machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..agent.failure import Failure
from ..agent.machine import Machine
from .opening import last_words, opened
from .place import PORT, VERSION, Place
from .running import OWNER, as_owner

__all__ = ["BIN", "Scratch", "scratch"]

BIN = f"/usr/lib/postgresql/{VERSION}/bin"
NAME = "drill"
ROOM = 1.1  # times what is restored
LIMIT = 6 * 3600

# On the command line, where nothing that was restored overrules it.
SETTINGS = {
    "listen_addresses": "",
    "archive_mode": "off",
    "archive_command": "",
    "ssl": "off",
    "fsync": "off",
    "jit": "off",  # its unit may not write code and run it
    "autovacuum": "off",
    "hot_standby": "off",
    "huge_pages": "off",
    "shared_buffers": "64MB",
    "shared_preload_libraries": "",
    "max_prepared_transactions": "100",
    "logging_collector": "off",
    "log_destination": "stderr",
    "cluster_name": "slipway-drill",
    "port": str(PORT),
}


@dataclass(frozen=True)
class Scratch:
    """Where it lies."""

    place: Path

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def sockets(self) -> Path:
        return self.place / "socket"

    @property
    def log(self) -> Path:
        return self.place / "log"

    def start(self, machine: Machine) -> None:
        """Recover and open it; what Postgres says when it cannot is the cause."""
        (self.place / "hba").write_text(f"local all {OWNER} trust\n")
        (self.place / "empty").write_text("")
        own = {
            "config_file": self.place / "empty",
            "hba_file": self.place / "hba",
            "ident_file": self.place / "empty",
            "unix_socket_directories": self.sockets,
        }
        words = " ".join(f"-c {name}='{value}'" for name, value in {**SETTINGS, **own}.items())
        start = ["start", "--silent", "--wait", f"--timeout={LIMIT}", f"--log={self.log}", f"--options={words}"]
        if self._ctl(machine, start) or not opened(machine, self.data, sockets=str(self.sockets)):
            raise Failure(f"the restored cluster does not start: {last_words(self.log)}")

    def stop(self, machine: Machine, *, mode: str = "fast") -> None:
        """Stop it; one that does not run is stopped."""
        if (self.data / "postmaster.pid").exists():
            self._ctl(machine, ["stop", "--silent", "--wait", f"--mode={mode}"])

    def _ctl(self, machine: Machine, words: Sequence[str]) -> int:
        argv = [f"{BIN}/pg_ctl", *words, f"--pgdata={self.data}"]
        return as_owner(machine, argv, check=False, limit=LIMIT + 60).code


@contextmanager
def scratch(machine: Machine, *, place: Place, size: int) -> Iterator[Scratch]:
    """Room for `size` bytes on the fuller-sized of disk and root; nothing of it is left, nor of one before."""
    homes = [*([place.disk / NAME] if place.disk.exists() else []), place.workshop / NAME]
    for home in homes:
        _remove(machine, Scratch(home))
    home = max(homes, key=_free)
    if _free(home) < size * ROOM:
        need, has = _gigabytes(int(size * ROOM)), _gigabytes(_free(home))
        raise Failure(f"{home.parent}: should have {need} free for a restore (got {has}), raise database-disk")
    found = Scratch(home)
    home.parent.mkdir(parents=True, exist_ok=True)
    for folder in (home, found.data, found.sockets):
        machine.run(["install", "-d", "-o", OWNER, "-g", OWNER, "-m", "0700", str(folder)])
    try:
        yield found
    finally:
        _remove(machine, found)


def _remove(machine: Machine, found: Scratch) -> None:
    if found.place.exists():
        found.stop(machine, mode="immediate")
        shutil.rmtree(found.place)


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
