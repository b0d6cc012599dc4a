"""Open-loop load on the rehearsal's site while something happens to it, and what it saw of that."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.samples import percentiles
from tests.rehearsal.stage import Stage, end_prober

URL = "https://staging.example.org"
BEFORE, AFTER = 2.0, 4.0  # seconds of load on either side of what is watched
TIMEOUT = 8.0  # longer than the edge looks for a server that answers, so that its 502 is seen as one
WAITING = {"slow", "streamed", "upload"}  # kinds that take their time by design

Sample = dict[str, Any]
Window = tuple[float, float]  # times of day, s since 1970


@dataclass(frozen=True)
class Seen:
    """One run of the prober: every request, and when what was watched began and ended."""

    what: str
    samples: Sequence[Sample]
    window: Window

    @property
    def failures(self) -> dict[str, int]:
        """How many requests failed, by the way they did."""
        kinds = [str(sample["failure"]) for sample in self.samples if sample["failure"]]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def quick(self, windows: Iterable[Window], *, inside: bool) -> dict[str, float]:
        """Percentiles (ms) of pages, posts and static files that were due inside these windows, or outside them."""
        within = list(windows)
        return percentiles(
            sample["ms"]
            for sample in self.samples
            if sample["kind"] not in WAITING and any(start <= sample["at"] <= end for start, end in within) is inside
        )


@dataclass(frozen=True)
class Load:
    """So many requests a second, mixed as traffic.json says."""

    stage: Stage
    rate: float

    def during(self, what: str, happening: Callable[[], object], *, run: str) -> Seen:
        """Everything the prober sent from a little before until a little after."""
        report, samples = (self.stage.state / "log" / f"probe-{run}{end}.json" for end in ("", "-samples"))
        report.unlink(missing_ok=True)
        options = f"--rate {self.rate:g} --seconds 3600 --timeout {TIMEOUT:g} --keepalive 0.5"
        files = f"--traffic {self._traffic(run)} --samples {samples} --out {report}"
        prober = self.stage.start(f"inside {sys.executable} -m rehearsal.prober {URL}/ {options} {files}")
        try:
            time.sleep(BEFORE)
            began = time.time()
            happening()
            ended = time.time()
            time.sleep(AFTER)
        finally:
            end_prober(prober, report)
        return Seen(what, json.loads(samples.read_text()), (began, ended))

    def _traffic(self, run: str) -> Path:
        """The mix, with the static file the page asks for now."""
        found = re.search(r'/static/pictures/gallery\.[^"]*css', self.stage.page(URL))
        assert found, "the page should name its style sheet"
        text = Path(__file__).with_name("traffic.json").read_text()
        file = self.stage.state / f"traffic-{run}.json"
        file.write_text(text.replace("RUN", run).replace("STATIC", found[0]))
        return file


def kept(stage: Stage, run: str) -> dict[str, int]:
    """What the site says was written by a run's posts."""
    found: dict[str, int] = json.loads(stage.type(f"inside curl -fsS {URL}/traffic/entries/{run}/").stdout)
    return found


def windows(stage: Stage) -> list[tuple[str, Window]]:
    """Each release of the server, from its agent's first note to its last, by the server's own journal."""
    lines = stage.root("cat /var/lib/slipway-agent/slipway/journal.jsonl").splitlines()
    times: dict[str, list[float]] = {}
    for entry in map(json.loads, lines):
        times.setdefault(entry["release"], []).append(_moment(entry["at"]))
    return [(release, (min(found), max(found))) for release, found in times.items() if release]


def _moment(iso: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(iso).timestamp()
