"""`python -m tests.bench.release_under_load`: releases under an open-loop prober, and a control that must fail.

Exit status: 0 when no request failed over all releases and the control saw some; 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import bed
from tests.rehearsal.stage import Stage, end_prober
from tests.rehearsal.test_story import slots

URL = "https://staging.example.org"
BEFORE, AFTER = 2.0, 3.0  # seconds of load on either side of what is watched


def main() -> int:
    """Release, restart, compare."""
    parser = argparse.ArgumentParser(prog="tests.bench.release_under_load", description=__doc__)
    parser.add_argument("--releases", type=int, default=5)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default 50)")
    parser.add_argument("--out", type=Path, help="write every result as JSON too")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("release_under_load: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    print(f"slipway: releases under {arguments.rate:g} requests/s\n  {bed.engine_in_words()}\n{HEAD}")
    with bed.stage() as stage:
        bed.first_deploy(stage)
        releases = [release(stage, number=number + 2, rate=arguments.rate) for number in range(arguments.releases)]
        control = restart(stage, rate=arguments.rate)
    if arguments.out:
        arguments.out.write_text(json.dumps({"releases": releases, "control": control}, indent=1) + "\n")
    return verdict(releases, control)


def release(stage: Stage, *, number: int, rate: float) -> dict[str, Any]:
    """An edit and `pulumi up` with the prober running over all of it."""

    def edit_and_up() -> None:
        bed.edit(stage, number=number)
        stage.up("staging")

    found = watched(stage, edit_and_up, rate=rate)
    print(line(f"pulumi up, edition {number}", found))
    return found


def restart(stage: Stage, *, rate: float) -> dict[str, Any]:
    """The control: the same prober over a plain restart of the unit, which must be seen."""
    slot = next(iter(slots(stage).values()))
    found = watched(stage, lambda: stage.root(f"systemctl restart slipway-web@{slot}"), rate=rate)
    print(line("control: restart of the unit", found))
    return found


def watched(stage: Stage, happening: Callable[[], object], *, rate: float) -> dict[str, Any]:
    """What the prober counted from a little before until a little after."""
    report = stage.state / "log" / "probe.json"
    report.unlink(missing_ok=True)
    options = f"--rate {rate:g} --seconds 600 --release-path /_slipway/release --expect Edition --out {report}"
    prober: subprocess.Popen[str] = stage.start(f"inside {sys.executable} -m rehearsal.prober {URL}/ {options}")
    try:
        time.sleep(BEFORE)
        happening()
        time.sleep(AFTER)
    finally:
        found: dict[str, Any] = end_prober(prober, report)
    return found


HEAD = f"  {'what':<32} {'sent':>6} {'failed':>6} {'p50':>8} {'p99':>8} {'max':>8} ms  releases seen, failures"


def line(what: str, found: dict[str, Any]) -> str:
    """One result for people."""
    times = found["milliseconds"]
    seen = " → ".join(row["release"] for row in found["releases"])
    return (
        f"  {what:<32} {found['sent']:>6} {found['failed']:>6} {times['p50']:>8} {times['p99']:>8} {times['max']:>8}"
        f"     {seen} {found['failures'] or ''}"
    )


def verdict(releases: list[dict[str, Any]], control: dict[str, Any]) -> int:
    """0 of n means something only when the same prober can see a failure."""
    sent, failed = sum(found["sent"] for found in releases), sum(found["failed"] for found in releases)
    print(f"  {failed} of {sent} requests failed over {len(releases)} releases; the control lost {control['failed']}")
    unmoved = [found for found in releases if len(found["releases"]) < 2]
    if unmoved:
        print(f"  {len(unmoved)} of the releases were not seen to change what answers", file=sys.stderr)
    if not control["failed"]:
        print("  the control shows no failure: this run proves nothing", file=sys.stderr)
    return 1 if failed or unmoved or not control["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
