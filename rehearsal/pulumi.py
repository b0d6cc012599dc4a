"""The `pulumi` command as a person would type it in the rehearsal, with its output kept in a log."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a person wants to see pass by while a stack comes up, out of some forty resources.
_MILESTONE = re.compile(
    r"^\s*[+~-]+\s+\S*?(?P<kind>Droplet|DatabaseCluster|SpacesBucket|ReservedIp|Command|DnsRecord|"
    r"Server|Volume|FloatingIp|ZoneRrset)\s+(?P<name>\S+) "
    r"(?P<done>created|updated|replaced|deleted)"
)


class PulumiFailed(RuntimeError):
    """A `pulumi` command that did not end well; carries the tail of what it printed."""


def pulumi(*args: str, input: str | None = None) -> str:
    """Run `pulumi ARGS` to its end, a secret on its stdin, and return what it printed on stdout."""
    done = subprocess.run(["pulumi", *args], input=input, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PulumiFailed(f"pulumi {' '.join(args)}: exit status {done.returncode}\n{done.stderr or done.stdout}")
    return done.stdout


def operate(operation: str, *, stack: str, log: Path, note: Callable[[str], None], skip_preview: bool = True) -> float:
    """Run `pulumi up` or `destroy` without questions, noting milestones; return its seconds."""
    command = ["pulumi", operation, "--yes", "--non-interactive", "--color", "never", "--stack", stack]
    if skip_preview:
        command.append("--skip-preview")
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with log.open("w") as kept, subprocess.Popen(command, stdout=-1, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            lines.append(line)
            if found := _MILESTONE.match(line):
                note(f"{time.monotonic() - started:5.1f} s  {found['kind']} {found['name']} {found['done']}")
    if process.returncode:
        tail = "".join(lines[lines.index("Diagnostics:\n") if "Diagnostics:\n" in lines else -40 :])
        raise PulumiFailed(
            f"pulumi {operation} -s {stack}: exit status {process.returncode} (all of it: {log})\n{tail}"
        )
    return time.monotonic() - started


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs, secrets in plain: for the rehearsal's own stacks only."""
    found: dict[str, Any] = json.loads(pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack))
    return found


def ensure_stack(stack: str) -> None:
    """Select-or-create, so that a rehearsal can be run again."""
    known = {row["name"] for row in json.loads(pulumi("stack", "ls", "--json"))}
    if stack not in known:
        pulumi("stack", "init", "--non-interactive", stack)
