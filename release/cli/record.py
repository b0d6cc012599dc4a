"""`slipway record`: what a release did, step by step, and what visitors saw of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import Stack
from release.timeline import svg

__all__ = ["record"]


def record(directory: str | None, words: Sequence[str]) -> int:
    """Print the record of a release, the running one by default; its picture into a file."""
    from release.bucket import Bucket, BucketError
    from release.driver.record import key

    given = _parser().parse_args(words)
    stack = Stack.read(Project.find(directory), given.stack)
    wanted = given.release or stack.release
    try:
        found = Bucket.parse(stack.outputs["release_source"]).get(key(wanted, "json"))
    except BucketError as error:
        raise Refusal(f"{given.stack}: {error}") from None
    if found is None:
        raise Refusal(f"{given.stack}: {wanted}: has no record, slipway status {given.stack} names what runs")
    made: Mapping[str, Any] = json.loads(found)
    if given.svg:
        given.svg.write_text(svg(made), encoding="utf-8")
    print(json.dumps(made, indent=1) if given.json else "\n".join(_lines(made)))
    return 0


def _lines(made: Mapping[str, Any]) -> Iterator[str]:
    yield f"{made['site']} {made['environment']}  {made['release']}  {made['decided']}"
    yield f"{made['begun']}  {made['seconds']} s  {made['artifact']}"
    yield from _steps("driver", made["steps"], 0.0)
    for name, server in sorted(made["servers"].items()):
        yield from _steps(name, server["steps"], server["offset"])
        yield f"  slot {server['slot']}, before it {server['before']}; {server['bytes']:,} bytes fetched"
        yield f"  migrated: {', '.join(server['migrated']) or 'nothing'}"
        for where, told in (("during it", server["requests"]["inside"]), ("before it", server["requests"]["outside"])):
            times = "" if told["p99"] is None else f", p50 {told['p50']} ms, p99 {told['p99']} ms"
            counts = f"{told['seen']} requests, {told['failed']} failed{times}"
            yield f"  visitors {where} ({told['seconds']:.0f} s): {counts}"


def _steps(lane: str, steps: Sequence[Mapping[str, Any]], offset: float) -> Iterator[str]:
    yield f"\n{lane}"
    for step in steps:
        yield f"  {offset + step['start']:7.2f} s  {step['seconds']:7.2f} s  {step['name']}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway record", allow_abbrev=False)
    parser.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    parser.add_argument("release", metavar="RELEASE", nargs="?", help="its id; without it, the one that runs")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="its timeline as a picture")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser
