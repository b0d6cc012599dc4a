"""`python -m tests.bench.times`: what setting up, rehearsing and releasing take on this computer.

It runs in a rehearsal of its own and needs root and Linux. `--cold` adds the engine's build and the set-up with an
empty cache, which takes minutes and asks the package sources for everything again.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.rehearsal.stage import Stage

BOOT = "machine: create call to SSH banner"
ENGINE = "the Pulumi engine"  # the step's name in `python -m rehearsal up`


def main() -> int:
    """Measure what was asked for and print the sheet."""
    arguments = _arguments()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("times: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    sheet = Sheet("slipway: times", engine=bed.engine_in_words())
    _rows(sheet)
    with bed.stage() as stage:
        if arguments.cold:
            cold(stage, sheet)
        warm(stage, sheet, n=arguments.sites)
        bed.first_deploy(stage)
        ups(stage, sheet, n=arguments.ups)
        boots(stage, sheet, n=arguments.boots)
    print(sheet.text())
    if arguments.out:
        sheet.write(arguments.out)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.times", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="also with an empty cache: engine build, Debian roots")
    parser.add_argument("--sites", type=int, default=3, help="how often a whole site is rehearsed (default 3)")
    parser.add_argument("--ups", type=int, default=5, help="how often each kind of up is timed (default 5)")
    parser.add_argument("--boots", type=int, default=3, help="how many machines are booted (default 3)")
    parser.add_argument("--out", type=Path, help="write the sheet as JSON too")
    return parser.parse_args()


def _rows(sheet: Sheet) -> None:
    sheet.row("engine build, once", 180)
    sheet.row("cold set-up, apart from the engine", 180)
    sheet.row("warm make rehearse of one site", 60)
    sheet.row("pulumi up, nothing changed", 3)
    sheet.row("pulumi up, code changed", 15)
    sheet.row("code changed, beyond nothing changed", 4)
    sheet.row(BOOT, 4)


def cold(stage: Stage, sheet: Sheet) -> None:
    """Set up with a cache that is empty, then take it away again."""
    with tempfile.TemporaryDirectory(prefix="slipway-cold-") as empty:
        fresh = ColdStage(state=stage.state, gallery=stage.gallery, cache=Path(empty))
        bed.checked(fresh.make("up", "--cloud-only"))
        steps = {
            str(row["step"]): float(row["seconds"]) for row in json.loads((stage.state / "log/start.json").read_text())
        }
        sheet.row("engine build, once").values.append(steps.pop(ENGINE))
        sheet.row("cold set-up, apart from the engine").values.append(round(sum(steps.values()), 1))
        bed.checked(fresh.make("destroy"))


@dataclass(frozen=True)
class ColdStage(Stage):
    """A stage whose commands find nothing cached."""

    cache: Path

    @property
    def environment(self) -> dict[str, str]:
        """The cache is part of the environment."""
        return {**super().environment, "SLIPWAY_CACHE": str(self.cache)}


def warm(stage: Stage, sheet: Sheet, *, n: int) -> None:
    """`make rehearse` of one site after `make rehearse-destroy`, browser and all."""
    for _ in range(n):
        started = time.monotonic()
        bed.checked(stage.make("up", "--only", "staging"))
        sheet.row("warm make rehearse of one site").values.append(time.monotonic() - started)
        bed.checked(stage.make("destroy"))


def ups(stage: Stage, sheet: Sheet, *, n: int) -> None:
    """The two ups of every day, in turns; and where the time of a release went."""
    phases: dict[str, list[float]] = {}
    for number in range(n):
        nothing = bed.timed_up(stage)
        bed.edit(stage, number=number + 2)
        code = bed.timed_up(stage)
        sheet.row("pulumi up, nothing changed").values.append(nothing)
        sheet.row("pulumi up, code changed").values.append(code)
        sheet.row("code changed, beyond nothing changed").values.append(code - nothing)
        moved, changed = bed.sent(stage)
        sheet.row("  its bytes sent, of the changed file's", 1.1, unit="x").values.append(moved / changed)
        for phase, seconds in (stage.outputs("staging").get("phases") or {}).items():
            phases.setdefault(phase, []).append(float(seconds))
    for phase, seconds in phases.items():
        sheet.row(f"  of which {phase}").values.extend(seconds)


def boots(stage: Stage, sheet: Sheet, *, n: int) -> None:
    """A bare machine asked for over the API, until its SSH server says hello."""
    python, script = map(shlex.quote, (sys.executable, "tests.bench.boot"))
    for _ in range(n):
        answer = json.loads(stage.type(f"inside {python} -m {script}").stdout)
        sheet.row(BOOT, 4).values.append(float(answer["seconds"]))


if __name__ == "__main__":
    sys.exit(main())
