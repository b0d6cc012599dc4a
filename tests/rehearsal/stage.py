"""One rehearsal of its own for the tests, driven with the commands a person has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Stage:
    """A running rehearsal under `state`, with a copy of the example project that tests may edit."""

    state: Path
    gallery: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLIPWAY_REHEARSAL_DIR": str(self.state)}

    def make(self, *args: str) -> Done:
        """`python -m rehearsal ARGS`, as make calls it."""
        return self._run([sys.executable, "-m", "rehearsal", *args])

    def type(self, command: str, *, input: str | None = None, check: bool = True) -> Done:
        """A command line typed into a terminal that has sourced the rehearsal's env."""
        done = self._run(["bash", "-c", f". {self.state}/env && {command}"], input=input)
        if check and done.returncode:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, command: str) -> subprocess.Popen[str]:
        """The same in the background."""
        return subprocess.Popen(
            ["bash", "-c", f". {self.state}/env && exec {command}"],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def up(self, stack: str, *, check: bool = True) -> Done:
        return self.type(f"pulumi up --yes --skip-preview --non-interactive --color never -s {stack}", check=check)

    def outputs(self, stack: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.type(f"pulumi stack output --json --show-secrets -s {stack}").stdout)
        return found

    def cloud(self, path: str, *, method: str = "GET") -> dict[str, Any]:
        """The local cloud's own view, under /_cloud/."""
        found: dict[str, Any] = json.loads(
            self.type(f"inside curl -fsS -X {method} $DIGITALOCEAN_API_URL/_cloud/{path}").stdout
        )
        return found

    def api(self, path: str) -> dict[str, Any]:
        """The cloud's public API, read with the rehearsal's token."""
        header = '-H "Authorization: Bearer $DIGITALOCEAN_TOKEN"'
        found: dict[str, Any] = json.loads(
            self.type(f"inside curl -fsS {header} $DIGITALOCEAN_API_URL/v2/{path}").stdout
        )
        return found

    def live(self, url: str) -> dict[str, Any]:
        """What the site says it runs, over its public name with its certificate verified."""
        found: dict[str, Any] = json.loads(self.type(f"inside curl -fsS --max-time 10 {url}/_slipway/release").stdout)
        return found

    def page(self, url: str) -> str:
        return self.type(f"inside curl -fsS --max-time 10 {url}/").stdout

    def edit(self, file: str, old: str, new: str) -> Callable[[], None]:
        """Replace text in the example project; returns the way back."""
        path = self.gallery / file
        before = path.read_text()
        assert old in before, f"{file}: {old!r} is not there"
        path.write_text(before.replace(old, new))

        def undo() -> None:
            path.write_text(before)

        return undo

    def write(self, file: str, text: str) -> Callable[[], None]:
        """Add a file to the example project; returns the way back."""
        path = self.gallery / file
        assert not path.exists()
        path.write_text(text)
        return path.unlink

    def _run(self, command: list[str], *, input: str | None = None) -> Done:
        return subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )


def wait_until(true: Callable[[], bool], *, limit: float, what: str) -> float:
    """Poll until `true`; returns the seconds it took, fails with `what` past `limit` seconds."""
    started = time.monotonic()
    while time.monotonic() - started < limit:
        try:
            if true():
                return time.monotonic() - started
        except (AssertionError, urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {limit:.0f} s")


def copy_of_gallery(target: Path) -> Path:
    """The example project at a place where a test may edit it."""
    shutil.copytree(REPOSITORY / "examples/gallery", target, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    return target


def descendants(pid: int) -> list[tuple[int, list[str]]]:
    """(pid, argv) of every process below `pid`, for ending one of them by its exact id."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found: list[tuple[int, list[str]]] = []
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            try:
                argv = (Path("/proc") / str(child) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            found.append((child, argv))
            todo.append(child)
    return found
