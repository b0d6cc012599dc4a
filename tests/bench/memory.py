"""`python -m tests.bench.memory`: what the local cloud holds in memory while it has no machine.

Counted is every process the rehearsal started and what these started, nothing of the tests. Twice: RSS counts a page in
each process that shares it (the most it can be), PSS divides it among them, also with processes that are none of the
rehearsal's (so it is too little where other Pythons run). It needs root and Linux, and a rehearsal of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.rehearsal.stage import Stage, descendants

AIM = 300  # MB
EVERY = 1.0
HELD = re.compile(r"^(Rss|Pss):\s+(\d+) kB", re.MULTILINE)
ALL = {"Rss": "all of it, RSS", "Pss": "all of it, PSS"}


def main() -> int:
    """Start the cloud, look at it a few times, print the sheet."""
    parser = argparse.ArgumentParser(prog="tests.bench.memory", description=__doc__)
    parser.add_argument("--looks", type=int, default=10, help="how often, a second apart (default 10)")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("memory: needs root and Linux, it reads other processes' memory", file=sys.stderr)
        return 2
    sheet = Sheet("slipway: memory of the local cloud without machines", engine="every process it started")
    for name in ALL.values():
        sheet.row(name, AIM, unit="MB")
    with bed.stage() as stage:
        bed.checked(stage.make("up", "--cloud-only"))
        for _ in range(arguments.looks):
            time.sleep(EVERY)
            look(stage, sheet)
    print(sheet.text())
    return 0


def look(stage: Stage, sheet: Sheet) -> None:
    """Add what all parts hold together now, and each of them."""
    held = {name: [megabytes(pid) for pid in pids] for name, pids in parts(stage).items()}
    for kind, name in ALL.items():
        sheet.row(name).values.append(sum(row[kind] for rows in held.values() for row in rows))
    for name, rows in held.items():
        sheet.row(f"  of which {name}, RSS", unit="MB").values.append(sum(row["Rss"] for row in rows))


def parts(stage: Stage) -> dict[str, set[int]]:
    """The processes of each part by its name; one that another part started counts where it has a record itself."""
    records = [json.loads(file.read_text()) for file in sorted((stage.state / "run").glob("*.json"))]
    own = {int(row["pid"]) for row in records}
    return {
        f"{row['kind']} {row['name']}": {row["pid"], *(pid for pid, _ in descendants(row["pid"]) if pid not in own)}
        for row in records
    }


def megabytes(pid: int) -> dict[str, float]:
    """What one process holds, nothing for one that has gone."""
    try:
        text = (Path("/proc") / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        text = ""
    return dict.fromkeys(ALL, 0.0) | {kind: int(size) / 1024 for kind, size in HELD.findall(text)}


if __name__ == "__main__":
    sys.exit(main())
