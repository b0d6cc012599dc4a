"""The delivered agent itself, in a scratch tree: systemd, Caddy and the site's code are played by `Paper`."""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

SERVER = Path(os.environ["FAKE_SERVER"])
STORY: dict[str, Any] = json.loads((SERVER / "story.json").read_text())
CODE = Path(os.environ["FAKE_AGENTS"], Path(sys.argv[1]).name)
if not CODE.exists():
    # Out of the zipapp, so that it is compiled once for all its starts.
    with zipfile.ZipFile(sys.argv[1]) as delivered:
        delivered.extractall(f"{CODE}-{os.getpid()}")
    with suppress(OSError):  # another server's agent was first
        os.rename(f"{CODE}-{os.getpid()}", CODE)
sys.path.insert(0, str(CODE))

from host.agent import cli, disk, gate  # type: ignore[import-not-found]  # noqa: E402 - from the zipapp
from host.agent.machine import Done  # type: ignore[import-not-found]  # noqa: E402


class Paper:
    """A machine whose commands succeed at once, except where the story says otherwise."""

    root = SERVER

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Any:
        """Note the command and answer it."""
        with (SERVER / "commands.jsonl").open("a") as file:
            file.write(json.dumps(list(argv)) + "\n")
        if argv[0] == "systemctl" and "show" in argv:
            return Done(0, "ActiveState=active\nNRestarts=0\nResult=success\n")
        if argv[:2] == ["systemctl", "start"]:
            self._start(argv[2])
        if argv[0] == "systemd-run" and argv[-1] == "preflight":
            return Done(0, json.dumps({"plan": STORY.get("plan", [])}) + "\n")
        if argv[0] == "systemd-run" and argv[-1] == "migrate":
            return self._migrate()
        return Done(0)

    def _start(self, unit: str) -> None:
        """A started slot's processes have imported the site at once, as gunicorn marks it."""
        slot = unit.removeprefix("slipway-web@").removesuffix(".service")
        web = json.loads((SERVER / "srv/slipway/slots" / slot / "web.json").read_text())
        marks = SERVER / f"run/slipway-{slot}"
        marks.mkdir(parents=True, exist_ok=True)
        for number in range(web["processes"]):
            (marks / f"ready-{number}").touch()

    def _migrate(self) -> Any:
        time.sleep(STORY.get("migrate_takes", 0))
        if "migrate_fails" in STORY:
            cause = {"cause": STORY["migrate_fails"], "applied": []}
            return Done(1, json.dumps(cause) + "\n", "Traceback (most recent call last):\n  boom\n")
        return Done(0, json.dumps({"applied": STORY.get("plan", [])}) + "\n")

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""
        return time.monotonic()


class Slots:
    """A slot answers as what its link points at."""

    def __call__(self, path: Path, url: str, *, host: str, limit: float) -> tuple[int, str]:
        """Status and body."""
        slot = path.parent.name.split("-")[-1]
        status = STORY.get("statuses", {}).get(url, 200)
        return status, json.dumps({"release": (SERVER / "srv/slipway/slots" / slot).resolve().name, "host": host})


for folder in ("srv/slipway/layers", "srv/slipway/releases", "srv/slipway/slots", "srv/slipway/run", "etc/caddy/sites"):
    (SERVER / folder).mkdir(parents=True, exist_ok=True)
cli.Local, gate.Socket = Paper, Slots
disk.look = lambda place: disk.Disk(total=100 << 30, free=60 << 30)  # however full the real one is
sys.exit(cli.main(sys.argv[2:]))
