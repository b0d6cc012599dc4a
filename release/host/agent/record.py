"""What one release did on this machine: its steps, what it moved and migrated, and what visitors saw of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .document import Document
from .journal import Journal
from .machine import Machine
from .masking import masked
from .site import Site, write

__all__ = ["FILE", "keep", "requests", "told"]

FILE = "record.json"
BEFORE = 300.0  # seconds before the release that its own are held against
MOST = 20_000  # lines of Caddy's log, the newest: more would not fit a small machine's memory
LOOK = 20.0


def told(
    document: Document,
    journal: Journal,
    machine: Machine,
    *,
    slot: str,
    before: str,
    moved: int,
    migrated: Sequence[str],
    decided: str,
    hidden: re.Pattern[str] | None,
) -> dict[str, Any]:
    """Everything about it, without secrets; offsets are seconds from its beginning."""
    ended, spent = time.time(), machine.now() - journal.began
    record = {
        "format": 1,
        "release": document.release,
        "artifact": document.artifact,
        "environment": document.environment,
        "begun": datetime.fromtimestamp(ended - spent, UTC).isoformat(timespec="milliseconds"),
        "seconds": round(spent, 2),
        "slot": slot,
        "before": before,
        "steps": journal.steps,
        "marks": journal.marks,
        "bytes": moved,
        "migrated": list(migrated),
        "requests": requests(machine, document.hosts, begun=ended - spent, ended=ended),
        "decided": decided,
    }
    return dict(masked(record, hidden))


def keep(site: Site, record: Mapping[str, Any]) -> None:
    """Beside the release, and pruned with it; one that came to nothing has left no place for it here."""
    home = site.release(record["release"])
    if home.is_dir():
        write(home / FILE, json.dumps(record, indent=1) + "\n")


def requests(machine: Machine, hosts: Iterable[str], *, begun: float, ended: float) -> dict[str, Any]:
    """Counts and times of Caddy's access log, during the release and before it."""
    since = begun - BEFORE
    asked = ["--unit=caddy.service", "--output=cat", "--quiet", "--no-pager"]
    bounds = [f"--since=@{since:.0f}", f"--lines={MOST}"]
    said = machine.run(["journalctl", *asked, *bounds], check=False, limit=LOOK).out.splitlines()
    seen = [each for each in _accesses(said, set(hosts)) if since <= each[0] <= ended]
    first = seen[0][0] if seen and len(said) >= MOST else since
    return {
        "inside": _summed([each for each in seen if each[0] >= begun], seconds=ended - max(begun, first)),
        "outside": _summed([each for each in seen if each[0] < begun], seconds=max(0.0, begun - first)),
        "whole": len(said) < MOST,
    }


def _accesses(lines: Iterable[str], hosts: set[str]) -> Iterator[tuple[float, int, float]]:
    """When each request was answered, with what, and after how many seconds."""
    for line in lines:
        if '"http.log.access' not in line:
            continue
        try:
            entry = json.loads(line)
            host = str(entry["request"]["host"]).rpartition(":")[0] or str(entry["request"]["host"])
            if host in hosts:
                yield float(entry["ts"]), int(entry["status"]), float(entry["duration"])
        except (ValueError, KeyError, TypeError):
            continue


def _summed(seen: Sequence[tuple[float, int, float]], *, seconds: float) -> dict[str, Any]:
    times = sorted(1000 * duration for _, _, duration in seen)
    at = {name: round(times[round((len(times) - 1) * part)], 1) if times else None for name, part in _PARTS.items()}
    return {"seconds": round(seconds, 1), "seen": len(seen), "failed": sum(code >= 500 for _, code, _ in seen), **at}


_PARTS = {"p50": 0.5, "p99": 0.99}
