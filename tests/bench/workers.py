"""`python -m tests.bench.workers`: releases while workers work and jobs come due, and a ledger of all they did.

Exit status: 0 when no job was lost or done twice over all releases, and a killed worker seen to lose one; else 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.rehearsal.queue import DRAIN, Queue, configure, with_ledger
from tests.rehearsal.stage import Stage, wait_until


def main() -> int:
    """Release, count, kill a worker, count again."""
    parser = argparse.ArgumentParser(prog="tests.bench.workers", description=__doc__)
    parser.add_argument("--releases", type=int, default=50)
    parser.add_argument("--out", type=Path, help="write the seconds as JSON too")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("workers: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    sheet = Sheet(f"slipway: releases under a queue, jobs of 3 s at the most, drain {DRAIN} s", bed.engine_in_words())
    with bed.stage() as stage:
        queue = first(stage)
        queue.feed()
        queue.begin_long_job()
        for number in range(arguments.releases):
            one(queue, sheet, number=number + 2)
        found = queue.drained()
        seen = planted(queue)
        mixed = queue.long_job()["edition"] != 1
    print(sheet.text())
    if arguments.out:
        sheet.write(arguments.out)
    return verdict(found, releases=arguments.releases, seen=seen, mixed=mixed)


def first(stage: Stage) -> Queue:
    """The example site with its queue."""
    with_ledger(stage.gallery)
    bed.checked(stage.make("up", "--cloud-only"))
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    configure(stage)
    stage.up("staging")
    return Queue(stage)


def one(queue: Queue, sheet: Sheet, *, number: int) -> None:
    """One release while jobs wait."""
    queue.edit(number)
    started = time.monotonic()
    queue.stage.up("staging")
    seconds = time.monotonic() - started
    phases = queue.stage.outputs("staging")["phases"]
    sheet.row("pulumi up").values.append(seconds)
    for name in ("gate", "drain"):
        sheet.row(f"its {name}").values.append(phases[name])
    print(f"  release {number - 1}: {seconds:.1f} s, {queue.counted()}", flush=True)


def planted(queue: Queue) -> bool:
    """Whether a killed worker's job is missed by the count, and done once it is given to another one."""
    queue.feed()
    queue.kill_a_worker()
    try:
        wait_until(lambda: queue.counted()["lost"] == 1, limit=60, what="the job is seen as lost")
    except AssertionError as error:
        print(f"  {error}", file=sys.stderr)
        return False
    queue.requeue()
    return queue.drained()["lost"] == 0


def verdict(found: dict[str, int], *, releases: int, seen: bool, mixed: bool) -> int:
    """0 of n means something only when jobs were under way at commits and a loss can be seen."""
    print(
        f"{found['fed']} jobs over {releases} releases: {found['lost']} lost, {found['doubled']} done twice, "
        f"{found['across']} under way while the next release's workers had begun; "
        f"{found['ticks']} scheduled runs: {found['ticks_doubled']} twice, {found['ticks_missed']} missed; "
        f"a killed worker's job {'was seen as lost' if seen else 'was NOT seen as lost'}"
    )
    if mixed:
        print("  a long job imported code of another release than the one that started it", file=sys.stderr)
    bad = mixed or found["lost"] or found["doubled"] or found["ticks_doubled"] or found["releases"] != releases + 1
    if not found["across"]:
        print("  no job was under way at a commit: this run proves nothing", file=sys.stderr)
    return 1 if bad or not found["across"] or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
