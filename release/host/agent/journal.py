"""What the agent did, in order and on disk before the next step begins."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .machine import Machine
from .masking import masked
from .site import Site, write

__all__ = ["Journal"]

LONGEST = 1 << 20  # bytes: some hundred releases


class Journal:
    """journal.jsonl of a site; `hidden` finds the secrets that a cause may hold."""

    def __init__(
        self, site: Site, machine: Machine, *, release: str = "", hidden: re.Pattern[str] | None = None
    ) -> None:
        self.path = site.state / "journal.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.machine = machine
        self.release = release
        self.hidden = hidden
        self.phases: dict[str, float] = {}
        self.began = machine.now()
        self.steps: list[dict[str, Any]] = []  # with the seconds from `began` to their start
        self.marks: dict[str, float] = {}  # when what was noted happened

    def note(self, event: str, **facts: Any) -> None:
        """Write one line."""
        if event not in ("begin", "end"):
            self.marks[event] = round(self.machine.now() - self.began, 2)
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps(
            {"at": at, "release": self.release, "event": event, **masked(facts, self.hidden)}, ensure_ascii=False
        )
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def since(self, event: str) -> float:
        """Seconds since this was noted."""
        return self.machine.now() - self.began - self.marks[event]

    @contextmanager
    def phase(self, name: str, said: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """A step: written down before and after, its seconds told to the driver."""
        self.note("begin", step=name)
        start = self.machine.now()
        step = {"name": name, "start": round(start - self.began, 2), "seconds": 0.0}
        self.steps.append(step)
        try:
            yield
        finally:
            seconds = step["seconds"] = round(self.machine.now() - start, 2)
        self.phases[name] = seconds
        self.note("end", step=name, seconds=seconds)
        said({"phase": name, "seconds": seconds})

    def trim(self) -> None:
        """Keep the newer half of a journal that has grown long."""
        if self.path.stat().st_size > LONGEST:
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            write(self.path, "".join(lines[len(lines) // 2 :]))

    def last(self, count: int) -> list[dict[str, Any]]:
        """The newest entries."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()[-count:]
        except OSError:
            return []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
