"""What a check has found: lines that start with the place, under a few headings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

__all__ = ["Line", "Report"]

Level = Literal["ok", "note", "refuse"]
TOPICS = ("project", "settings", "environment", "dependencies", "processes", "database", "uploads", "cache", "mail",
          "checks", "artifact")  # fmt: skip
SHOWN = {"ok": "ok", "note": "note", "refuse": "will refuse"}


@dataclass(frozen=True)
class Line:
    """`where: what, the way out`, and whether it stands in the way of `pulumi up`."""

    topic: str
    level: Level
    where: str
    text: str

    def __str__(self) -> str:
        return f"  {SHOWN[self.level]:<12} {self.where}: {self.text}"


@dataclass
class Report:
    """Everything about one project."""

    project: str
    settings: str = ""
    lines: list[Line] = field(default_factory=list)
    stack_file: str = ""

    def ok(self, topic: str, where: str, text: str) -> None:
        """As it should be."""
        self.lines.append(Line(topic, "ok", where, text))

    def note(self, topic: str, where: str, text: str) -> None:
        """Worth knowing before the first `up`."""
        self.lines.append(Line(topic, "note", where, text))

    def refuse(self, topic: str, error: object) -> None:
        """What the build itself says: `where: rule (got value), the way out`."""
        where, _, text = str(error).partition(": ")
        self.lines.append(Line(topic, "refuse", where, text))

    @property
    def refused(self) -> bool:
        return any(line.level == "refuse" for line in self.lines)

    def document(self) -> str:
        """One JSON object, for programs."""
        lines = [asdict(line) for line in self.lines]
        named = {"project": self.project, "settings": self.settings, "refused": self.refused}
        return json.dumps({**named, "lines": lines, "stack_file": self.stack_file})

    def text(self) -> str:
        """For people."""
        return "\n".join([*self._sections(), "", self._verdict(), *self._suggestion()])

    def _sections(self) -> Iterable[str]:
        for topic in TOPICS:
            if lines := [str(line) for line in self.lines if line.topic == topic]:
                yield from (topic, *lines)

    def _verdict(self) -> str:
        count = sum(line.level == "refuse" for line in self.lines)
        if not count:
            return "nothing stands in the way of pulumi up"
        things = "1 thing stands" if count == 1 else f"{count} things stand"
        return f"{things} in the way of pulumi up (will refuse, above)"

    def _suggestion(self) -> Iterable[str]:
        if not self.stack_file:
            return []
        return ["", "a stack file to begin with, stacks/Pulumi.staging.yaml:", "", self.stack_file.rstrip()]
