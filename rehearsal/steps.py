"""Progress a person can follow: one line a step with its seconds, and a ledger of them as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO


@dataclass
class Steps:
    """The steps of one run, printed as they happen and kept in `ledger` (a JSON file: [{"step", "seconds", "ok"}])."""

    ledger: Path
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _rows: list[dict[str, object]] = field(default_factory=list)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce `text`, run the body, print its seconds; a failure is printed as one and goes on upwards."""
        self._print(f"▸ {text}")
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self._end(text, started, ok=False)
            raise
        self._end(text, started, ok=True)

    def note(self, text: str) -> None:
        """A line under the step under way."""
        self._print(f"    {text}")

    def seconds(self, text: str) -> float:
        """How long the named step took."""
        return next(float(str(row["seconds"])) for row in self._rows if row["step"] == text)

    def _end(self, text: str, started: float, *, ok: bool) -> None:
        seconds = round(time.monotonic() - started, 1)
        self._rows.append({"step": text, "seconds": seconds, "ok": ok})
        self.ledger.parent.mkdir(parents=True, exist_ok=True)
        self.ledger.write_text(json.dumps(self._rows, indent=1) + "\n")
        self._print(f"  {'✓' if ok else '✗'} {seconds:.1f} s")

    def _print(self, text: str) -> None:
        print(text, file=self.out, flush=True)
