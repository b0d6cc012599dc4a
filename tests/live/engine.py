"""`pulumi` in a session of its own: a Ctrl-C ends what is under way in order, before anything is taken away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from rehearsal.engine import PLUGINS
from tests.live.account import Refused
from tests.live.place import Place

HOST = "pulumi-language-python"
QUIET = ("--non-interactive", "--color", "never")
LEFT_LIMIT = 900.0  # seconds a pulumi that was left behind has for what it is doing


class Failed(Exception):
    """A `pulumi` that did not end well, with the end of what it said."""


def run(place: Place, *words: str) -> str:
    """Run `pulumi WORDS` to its end, however often we are asked to stop meanwhile; what it printed."""
    started = place.log.stat().st_size if place.log.exists() else 0
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            ["pulumi", *words, *QUIET],
            cwd=place.project,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        place.note(pulumi=process.pid)
        process.wait()
    except KeyboardInterrupt:
        _end(process)
        raise
    said = place.log.read_bytes()[started:].decode(errors="replace")
    if process.returncode:
        raise Failed(
            f"pulumi {' '.join(words)}: exit status {process.returncode} (all of it: {place.log})\n{_end_of(said)}"
        )
    return said


def outputs(place: Place) -> dict[str, object]:
    """The stack's outputs that are no secrets."""
    command = ["pulumi", "stack", "output", "--json", "--stack", place.record.stack]
    done = subprocess.run(command, cwd=place.project, env=place.environment, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def addresses(place: Place) -> set[str]:
    """The reserved addresses in the stack's state."""
    command = ["pulumi", "stack", "export", "--stack", place.record.stack]
    done = subprocess.run(command, cwd=place.project, env=place.environment, capture_output=True, text=True, check=True)
    resources = json.loads(done.stdout)["deployment"].get("resources") or []
    return {str(row["id"]) for row in resources if row["type"].endswith(":ReservedIp")}


def exists(place: Place) -> bool:
    """Whether the engine has a state of this stack."""
    return any((place.directory / "state").rglob(f"{place.record.stack}.json"))


def settle(place: Place) -> None:
    """End a `pulumi` that a killed smoke test left behind, and wait for what it has begun."""
    pid, end = place.record.pulumi, time.monotonic() + LEFT_LIMIT
    asked = False
    while pid and _is_ours(pid, place):
        if not asked:
            print(f"  pulumi (process {pid}) is still at work for {place.record.stack}: it is asked to end")
            os.kill(pid, signal.SIGINT)
            asked = True
        if time.monotonic() > end:
            raise Refused(f"process {pid}: should have ended within {LEFT_LIMIT:.0f} s, end it and run this again")
        time.sleep(0.5)


def _is_ours(pid: int, place: Place) -> bool:
    told = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return place.record.stack in told


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask once for an orderly end, and again for each time that we are asked."""
    while process.poll() is None:
        try:
            process.send_signal(signal.SIGINT)
            process.wait()
        except KeyboardInterrupt:
            continue


def _end_of(said: str) -> str:
    head, found, diagnostics = said.partition("Diagnostics:\n")
    return diagnostics if found else "\n".join(head.splitlines()[-40:])


def official() -> bool:
    """Whether `pulumi` on PATH has a language host of its own: the rehearsal's stand-ins refuse every real cloud."""
    engine = shutil.which("pulumi")
    if engine is None:
        raise Refused("pulumi: should be on PATH (got none), install it: https://www.pulumi.com/docs/install/")
    beside, found = Path(engine).resolve().with_name(HOST), shutil.which(HOST)
    hosts = [file.resolve() for file in (beside, Path(found or beside)) if file.exists()]
    return bool(hosts) and PLUGINS not in hosts[0].parents
