"""`python -m tests.bench.first`: `pulumi up` to the first 200, against what no program can do without.

That is a bare machine of each kind which boots and installs the same packages, ordered at once and at no one's
request but the API's, in the same run on the same computer. It needs root and Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.rehearsal.stage import REPOSITORY, Stage

AIM = 1.5
SITE = "https://staging.example.org/"
# Which machines a stack has, and where each says what it installs.
MACHINES = {"digitalocean": {"web": "bootstrap.sh"}, "hetzner": {"web": "bootstrap.sh", "database": "database.sh"}}
OPTIONS = "--yes --skip-preview --non-interactive --color never -s staging"


def main() -> int:
    """Measure each cloud, print one sheet."""
    parser = argparse.ArgumentParser(prog="tests.bench.first", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is done, in turns (default 3)")
    parser.add_argument("--cloud", choices=sorted(MACHINES), action="append", help="default: both")
    parser.add_argument("--out", type=Path, help="write the sheet as JSON too")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("first: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    sheet = Sheet("slipway: up to the first 200", engine=bed.engine_in_words())
    for cloud in arguments.cloud or sorted(MACHINES):
        with bed.stage(cloud) as stage:
            bed.checked(stage.make("up", "--cloud-only", "--cloud", cloud))
            measure(stage, sheet, rounds=arguments.rounds)
    print(sheet.text())
    if arguments.out:
        sheet.write(arguments.out)
    return 0


def measure(stage: Stage, sheet: Sheet, *, rounds: int) -> None:
    """In turns, so that both meet the same computer; the first `up` builds the artifact, as anybody's does."""
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    for _ in range(rounds):
        bare, least = worked(lambda: floor(stage))
        first, spent = worked(lambda: up(stage))
        stage.type(f"pulumi destroy {OPTIONS}")
        sheet.row(f"{stage.cloud_name}: bare boot and the same packages").values.append(bare)
        sheet.row(f"{stage.cloud_name}: processor time of that").values.append(least)
        sheet.row(f"{stage.cloud_name}: pulumi up to the first 200").values.append(first)
        sheet.row(f"{stage.cloud_name}: processor time of that up").values.append(spent)
        sheet.row(f"{stage.cloud_name}: ratio of the round", AIM, unit="x").values.append(first / bare)


def worked(work: Callable[[], float]) -> tuple[float, float]:
    """What it measures, and the seconds this computer's processors were busy: here all machines share them."""
    before = _busy()
    return work(), _busy() - before


def _busy() -> float:
    """Seconds since boot over all processors, neither idle nor waiting for a disk (proc_stat(5))."""
    user, nice, system, _idle, _wait, *rest = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def floor(stage: Stage) -> float:
    """Seconds until the last of them has its packages."""
    words = [f"{name}:{','.join(packages(file))}" for name, file in MACHINES[stage.cloud_name].items()]
    python = shlex.quote(sys.executable)
    said = stage.type(f"inside {python} -m tests.bench.floor {stage.cloud_name} {' '.join(words)}").stdout
    return float(json.loads(said)["seconds"])


def packages(file: str) -> list[str]:
    """What a machine's own bootstrap names."""
    text = (REPOSITORY / "cloud-init/files" / file).read_text()
    found = re.search(r"^packages=\((.*)\)$", text, re.MULTILINE)
    assert found, f"{file}: names no packages"
    return found[1].split()


def up(stage: Stage) -> float:
    """Seconds from the command to the first page, which may be there before the command ends."""
    asking = stage.start(f"inside {shlex.quote(sys.executable)} -m tests.bench.answer {SITE}")
    stage.type(f"pulumi up {OPTIONS}")
    said, _ = asking.communicate(timeout=120)
    if asking.returncode:
        raise SystemExit(f"first: {said}")
    return float(said.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
