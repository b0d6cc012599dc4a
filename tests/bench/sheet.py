"""What every bench prints: rows of values with n and median, under a heading that says on what they were taken."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median


@dataclass
class Row:
    """One thing measured n times, with what it should take at most."""

    what: str
    aim: float | None = None
    unit: str = "s"
    values: list[float] = field(default_factory=list)

    def text(self) -> str:
        """The row for people."""
        if not self.values:
            return f"  {self.what:<44} not measured in this run"
        middle, aim = median(self.values), "" if self.aim is None else f"{self.aim:>6g} {self.unit}"
        mark = " " if self.aim is None else "✓" if middle <= self.aim else "✗"
        spread = f"{min(self.values):>8.2f} {max(self.values):>8.2f}"
        return f"{mark} {self.what:<44} {len(self.values):>3} {middle:>8.2f} {spread} {aim}"


@dataclass
class Sheet:
    """A bench's rows and the machine they belong to."""

    title: str
    engine: str
    rows: list[Row] = field(default_factory=list)
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def row(self, what: str, aim: float | None = None, *, unit: str = "s") -> Row:
        """The row of this name, new or known."""
        known = next((row for row in self.rows if row.what == what), None)
        if known is None:
            known = Row(what, aim, unit)
            self.rows.append(known)
        return known

    def text(self) -> str:
        """The sheet for people."""
        head = f"  {'':<44} {'n':>3} {'median':>8} {'min':>8} {'max':>8} {'aim':>8}"
        return "\n".join(
            [self.title, f"  {self._machine()}", f"  {self.engine}", head, *(row.text() for row in self.rows)]
        )

    def write(self, file: Path) -> None:
        """The sheet as JSON."""
        rows = [{"what": row.what, "aim": row.aim, "unit": row.unit, "values": row.values} for row in self.rows]
        facts = {"title": self.title, "machine": self._machine(), "engine": self.engine, "rows": rows}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(facts, indent=1) + "\n")

    def _machine(self) -> str:
        cores = os.cpu_count() or 1
        busy = " (BUSY: these times are not worth keeping)" if self.load > cores else ""
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{when}, {cores} cores, load {self.load:.1f} at the start{busy}, Linux {platform.release()}"
