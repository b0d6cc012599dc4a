"""`python -m tests.bench.fast`: how long the fast part of the tests takes, `make fast` and its parts.

What matters is two free cores; the heading says how busy the computer was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time

from tests.bench.sheet import Sheet
from tests.rehearsal.stage import REPOSITORY

LIMIT = 60
MYPY_CACHE = REPOSITORY / ".mypy_cache"


def main() -> int:
    """Run it some times, print the sheet."""
    parser = argparse.ArgumentParser(prog="tests.bench.fast", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often (default 3)")
    sheet = Sheet("slipway: the fast part of the tests", engine=f"Python {sys.version.split()[0]}")
    for _ in range(parser.parse_args().runs):
        run(sheet)
    print(sheet.text())
    return 0


def run(sheet: Sheet) -> None:
    """The checks with nothing kept from before, the checks again, the tests; then the sums."""
    shutil.rmtree(MYPY_CACHE, ignore_errors=True)
    cold, warm = timed("make", "check"), timed("make", "check")
    before = os.times()
    tests = timed("make", "fast") - warm
    after = os.times()
    spent = sum(after[2:4]) - sum(before[2:4])
    sheet.row("make fast, after a change", LIMIT).values.append(warm + tests)
    sheet.row("make fast, in a fresh clone", LIMIT).values.append(cold + tests)
    sheet.row("  of which ruff and mypy, fresh").values.append(cold)
    sheet.row("  of which ruff and mypy, after a change").values.append(warm)
    sheet.row("  of which tests").values.append(tests)
    sheet.row("processor time of make fast").values.append(spent)


def timed(*command: str) -> float:
    """The seconds a command takes, which must end well."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"fast: {' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        )
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
