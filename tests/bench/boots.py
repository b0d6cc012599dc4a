"""`python -m tests.bench.boots`: how long a machine of the local cloud takes from the API's call to SSH.

It runs in a rehearsal of its own and needs root and Linux.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.bench.times import boots


def main() -> int:
    """Boot some, print the sheet."""
    parser = argparse.ArgumentParser(prog="tests.bench.boots", description=__doc__)
    parser.add_argument("--boots", type=int, default=10, help="how many machines, one after the other (default 10)")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("boots: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    sheet = Sheet("slipway: machines of the local cloud", engine="no engine: the API alone")
    with bed.stage() as stage:
        bed.checked(stage.make("up", "--cloud-only"))
        boots(stage, sheet, n=arguments.boots)
    print(sheet.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
