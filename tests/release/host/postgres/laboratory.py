"""A Debian 13 in a namespace of its own, with a real Postgres, a real pgBackRest and the tool as it is delivered."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.system import roots
from release.host import zipapp

HERE = Path(__file__).parent
SITE = "gallery"


@dataclass
class Laboratory:
    """One machine without systemd: what runs on it ends with its first process."""

    root: Path
    first: int

    def run(self, *argv: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--", "chroot", str(self.root)]
        done = subprocess.run([*inside, *argv], input=input, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def sql(self, statements: str, database: str = SITE) -> str:
        argv = ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database]
        return self.run(*argv, input=statements).stdout.strip()

    def backup(self, *words: str, stdin: str | None = None) -> dict[str, Any]:
        """The tool's own answer."""
        done = self.run("python3", "/usr/local/bin/slipway-agent", "backup", *words, input=stdin, check=False)
        assert not done.stderr, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert answer["ok"] == (done.returncode == 0)
        return answer

    def backrest(self, *words: str) -> str:
        return self.run("runuser", "-u", "postgres", "--", "pgbackrest", f"--stanza={SITE}", *words).stdout

    def inside(self, path: str) -> Path:
        """A path of the machine as we reach it."""
        return Path(f"/proc/{self.first}/root{self.root}{path}")

    def processes(self) -> list[str]:
        """The command lines of the clusters that run."""
        shown = self.run("ps", "-eo", "args=").stdout.splitlines()
        return [line for line in shown if line.startswith("/usr/lib/postgresql") and " -D " in line]


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Built from the rehearsal's roots; pgBackRest is installed from Debian."""
    with tempfile.TemporaryDirectory(prefix="slipway-laboratory-") as place:
        holder = _start(Path(place))
        try:
            made = Laboratory(root=Path(place) / "root", first=_child(holder.pid))
            _furnish(made)
            yield made
        finally:
            holder.send_signal(signal.SIGKILL)  # and with it, by --kill-child, whatever runs inside
            holder.wait()
            assert holder.stdout is not None
            holder.stdout.close()
            _emptied(Path(place))


def _start(place: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PLACE": str(place), "LOWER": ":".join(roots.service_lower())}
    argv = [
        "setpriv",
        "--pdeathsig=KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-eu",
        str(HERE / "laboratory.sh"),
    ]
    holder = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert holder.stdout is not None
    said = []
    for line in holder.stdout:
        if line.strip() == "ready":
            return holder
        said.append(line)
    raise AssertionError("".join(said))


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _furnish(made: Laboratory) -> None:
    tool = made.inside("/usr/local/bin/slipway-agent")
    tool.write_bytes(zipapp())
    made.run("sh", "-eu", "-s", input=(HERE / "furnish.sh").read_text())


def _emptied(place: Path) -> None:
    for folder in ("upper", "work"):
        shutil.rmtree(place / folder, ignore_errors=True)
