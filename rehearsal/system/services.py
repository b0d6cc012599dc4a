"""How the cloud's own servers run: out of the services root, in the main namespace, with one directory of their own."""

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import enter, processes, roots

_ENTER = [sys.executable, "-S", "-E", enter.__file__]


def plan(home: Path, *, user: str | None = None) -> Path:
    """Write how to go into the services root with `home` as /home there; the only place that can be written to."""
    mountpoint = home / "root"
    mountpoint.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "netns": str(paths.netns_file(paths.NETNS)),
        "mounts": _mounts(mountpoint, home),
        "root": str(mountpoint),
        "directory": "/home",
    }
    if user:
        content["user"] = dict(zip(("uid", "gid"), account(user), strict=True))
    file = home / f"enter-{user or 'root'}.json"
    processes.write_json(file, content)
    return file


def _mounts(mountpoint: Path, home: Path) -> list[dict[str, Any]]:
    return [
        {"kind": "overlay", "target": str(mountpoint), "lower": roots.service_lower()},
        {"kind": "bind", "source": "/dev", "target": f"{mountpoint}/dev", "recursive": True},
        {"kind": "proc", "source": "proc", "target": f"{mountpoint}/proc"},
        {"kind": "tmpfs", "target": f"{mountpoint}/tmp"},
        {"kind": "bind", "source": str(home), "target": f"{mountpoint}/home"},
    ]


@cache
def account(user: str) -> tuple[int, int]:
    """A user's number and group in the services root."""
    lines = (roots.service_layer() / "etc/passwd").read_text().splitlines()
    fields = next(fields for line in lines if (fields := line.split(":"))[0] == user)
    return int(fields[2]), int(fields[3])


def command(plan: Path, argv: Sequence[str]) -> list[str]:
    """The command line that runs another one in the services root."""
    return [*_ENTER, str(plan), *argv]


def run(plan: Path, argv: Sequence[str], *, input: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in the services root to its end."""
    return subprocess.run(command(plan, argv), input=input, capture_output=True, text=True, check=False)
