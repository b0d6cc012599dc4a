"""`make bench-release`: releases in a row on one server under mixed open-loop load, 0 requests lost.

The same prober then watches how others restart, on the same machine in the same run, and three planted failures.
Exit status: 0 when no request failed over all releases, none was written twice, and every planted failure was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import bed
from tests.bench.release.load import Load, Seen, Window, kept, windows
from tests.bench.release.other_ways import OTHER_WAYS, PLANTED, prepare
from tests.rehearsal.stage import REPOSITORY, with_app

HEAD = f"  {'what':<56} {'sent':>6} {'failed':>6} {'p50':>7} {'p99':>8} {'max':>8} ms"


def main() -> int:
    """Release, compare, plant, tell."""
    given = _arguments()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("bench-release: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    print(f"slipway: {given.releases} releases under {given.rate:g} requests/s\n  {bed.engine_in_words()}\n{HEAD}")
    with bed.stage() as stage:
        with_app(stage.gallery, REPOSITORY / "tests/bench/traffic")
        bed.first_deploy(stage)
        prepare(stage)
        load = Load(stage, given.rate)
        releases = many(load, n=given.releases, requests=given.requests)
        served = [window for _, window in windows(stage)][-given.releases :]
        written = {run: kept(stage, run) for run in ("releases", "releases-upload")}
        told(releases, served)
        others = [watched(load, way.what, way.run, run=f"other{at}") for at, way in enumerate(OTHER_WAYS)]
        planted = [watched(load, way.what, way.run, run=f"planted{at}") for at, way in enumerate(PLANTED)]
    if given.out:
        given.out.write_text(json.dumps(_facts(releases, served, others, planted), indent=1) + "\n")
    missed = [way.what for way, seen in zip(PLANTED, planted, strict=True) if way.kind not in seen.failures]
    return verdict(releases, served, written=written, missed=missed, wanted=given.releases)


def many(load: Load, *, n: int, requests: int) -> Seen:
    """Edits and `pulumi up`, spread over as many requests."""
    pace = requests / load.rate / n

    def releases() -> None:
        for number in range(n):
            due = time.monotonic() + pace
            bed.edit(load.stage, number=number + 2)
            load.stage.up("staging")
            print(f"    release {number + 1} of {n}", file=sys.stderr)
            time.sleep(max(0.0, due - time.monotonic()))

    return load.during(f"{n} releases by pulumi up", releases, run="releases")


def watched(load: Load, what: str, happening: Any, *, run: str) -> Seen:
    """One way, told as it ends."""
    seen = load.during(what, lambda: happening(load.stage), run=run)
    print(row(what, seen, seen.quick([seen.window], inside=True)))
    return seen


def told(releases: Seen, served: Sequence[Window]) -> None:
    """The releases inside and outside their windows on the server."""
    for name, inside in (("inside the releases' windows", True), ("outside them", False)):
        print(row(f"{releases.what}, {name}", releases, releases.quick(served, inside=inside)))


def row(what: str, seen: Seen, times: dict[str, float]) -> str:
    """One line for people; the times are of pages, posts and static files."""
    failed = sum(seen.failures.values())
    said = f"{times.get('p50', 0):>7} {times.get('p99', 0):>8} {times.get('max', 0):>8}"
    return f"  {what:<56} {len(seen.samples):>6} {failed:>6} {said}     {seen.failures or ''}"


def verdict(
    releases: Seen, served: Sequence[Window], *, written: dict[str, Any], missed: Sequence[str], wanted: int
) -> int:
    """0 of n means something only when the same prober can see a failure."""
    problems = [f"{what}: was not seen: this run proves nothing" for what in missed]
    if len(served) < wanted:
        problems.append(f"{wanted} releases were asked for, the server knows of {len(served)}")
    for kind, run in (("post", "releases"), ("upload", "releases-upload")):
        answered = sum(sample["kind"] == kind and not sample["failure"] for sample in releases.samples)
        if written[run]["rows"] != answered or written[run]["twice"]:
            problems.append(f"{kind}: {answered} answered, the site wrote {written[run]}")
    inside, outside = (releases.quick(served, inside=where).get("p99", 0.0) for where in (True, False))
    failed = sum(releases.failures.values())
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    print(f"{len(releases.samples)} requests, {failed} failed, p99 ratio {inside / outside if outside else 0:.2f}")
    return 1 if failed or problems else 0


def _facts(releases: Seen, served: Sequence[Window], others: Sequence[Seen], planted: Sequence[Seen]) -> dict[str, Any]:
    told = [{"what": seen.what, "sent": len(seen.samples), "failures": seen.failures} for seen in (*others, *planted)]
    return {
        "releases": {"sent": len(releases.samples), "failures": releases.failures, "windows": served},
        "others": told,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.release", description=__doc__)
    parser.add_argument("--releases", type=int, default=30)
    parser.add_argument("--requests", type=int, default=60_000, help="how many to send over all of them (60,000)")
    parser.add_argument("--rate", type=float, default=80.0, help="requests a second (80)")
    parser.add_argument("--out", type=Path, help="write the results as JSON too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
