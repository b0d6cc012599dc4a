"""The example site with a queue: two workers, a job every half a minute, and a ledger of what they did."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rehearsal.stage import DEBRIS, REPOSITORY, Stage, wait_until

DRAIN = 20
CONFIG = {
    "workers.first": "ledger work",
    "workers.second": "ledger work",
    "schedule.tick.run": "ledger tick",
    "schedule.tick.at": "*:*:00/30",
    "schedule.long.run": "ledger tick --name long --seconds 900",
    "schedule.long.at": "yearly",
}


def with_ledger(project: Path) -> Path:
    """The project with one app more."""
    shutil.copytree(REPOSITORY / "tests/rehearsal/ledger", project / "ledger", ignore=DEBRIS)
    settings = project / "gallery/settings.py"
    before = settings.read_text()
    assert '    "pictures",' in before
    settings.write_text(before.replace('    "pictures",', '    "pictures",\n    "ledger",'))
    return project


def configure(stage: Stage, **more: str) -> None:
    """Workers and jobs into the stack file."""
    values = {**CONFIG, "drain": str(DRAIN), **more}
    words = " ".join(f"--plaintext {shlex.quote(f'{key}={value}')}" for key, value in values.items())
    stage.type(f"pulumi config set-all -s staging --path {words}")


@dataclass(frozen=True)
class Queue:
    """The ledger of a running site."""

    stage: Stage

    def feed(self, number: int = 5) -> dict[str, int]:
        """So many jobs wait from now on, whatever the workers do; what the ledger says."""
        return self._ask(f"feed --number {number}")

    def counted(self) -> dict[str, int]:
        return self._ask("count")

    def requeue(self) -> dict[str, int]:
        return self._ask("requeue")

    def begin_long_job(self) -> None:
        """A scheduled job that will import the last of its code when two releases have come after it."""
        self.stage.root("systemctl start --no-block slipway-schedule-long.service")

    def long_job(self) -> dict[str, Any]:
        """It was long enough: what it wrote down at its end, its release and the edition of the code it imported."""
        self.stage.root("touch ~slipway/ledger-long")
        wait_until(lambda: bool(self.ticks("long")), limit=240, what="the long job has ended")
        return self.ticks("long")[0]

    def ticks(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._say(f"ticks --name {name}"))
        return found

    def edit(self, number: int) -> None:
        """Another edition of the code, for the next release."""
        file = self.stage.gallery / "ledger/edition.py"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([*lines[:-1], f"EDITION = {number}"]) + "\n")

    def drained(self, *, limit: float = 180) -> dict[str, int]:
        """The ledger once no more jobs come and every one has been done."""
        found = self.feed(0)

        def through() -> bool:
            found.update(self.counted())
            return found["done"] == found["fed"]

        wait_until(through, limit=limit, what=f"every job is done ({found})")
        return found

    def kill_a_worker(self) -> None:
        """kill -9 in the middle of a job: the worker says nothing more, and its job is in nobody's hands."""
        slot = self.stage.root("basename $(dirname $(readlink /srv/slipway/run/current.sock))").strip()
        unit = f"slipway-worker@{slot.removeprefix('slipway-')}-first.service"
        self.stage.root(f"systemctl kill --signal=KILL {unit}")
        self.feed(0)

    def _ask(self, words: str) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._say(words))
        return found

    def _say(self, words: str) -> str:
        return self.stage.type(f"slipway manage staging ledger {words}").stdout.strip().splitlines()[-1]
