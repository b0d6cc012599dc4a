"""`python -m tests.bench.back`: a code-only release and the way back from it, pair by pair.

Both start from the same two releases, so a busy computer is as busy for one as for the other: what is held against the
aim is the median of each pair's own ratio. It runs in a rehearsal of its own and needs root and Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from tests.bench import bed
from tests.bench.sheet import Sheet
from tests.rehearsal.stage import Stage

NOTHING, CODE = "pulumi up, nothing changed", "pulumi up, code changed"


def main() -> int:
    """Print the sheet of so many pairs."""
    parser = argparse.ArgumentParser(prog="tests.bench.back", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how many (default 5)")
    pairs = parser.parse_args().pairs
    if os.geteuid() != 0 or sys.platform != "linux":
        print("back: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    sheet = Sheet("slipway: a release and the way back", engine=bed.engine_in_words())
    with bed.stage() as stage:
        bed.first_deploy(stage)
        for number in range(pairs):
            pair(stage, sheet, number=number + 2)
            print(f"{number + 1} of {pairs}", *(f"{row.values[-1]:.2f}" for row in sheet.rows), flush=True)
    print(sheet.text())
    return 0


def pair(stage: Stage, sheet: Sheet, *, number: int) -> None:
    """Nothing, an edit, back, and forth again so that the next pair begins with nothing to do."""
    nothing = bed.timed_up(stage)
    bed.edit(stage, number=number)
    code = bed.timed_up(stage)
    there = on_the_server(stage)
    stage.type("slipway rollback staging --yes")
    back = on_the_server(stage)
    assert back["bytes"] == 0, back
    stage.type("slipway unpin staging")
    stage.up("staging")
    for what, value in ((NOTHING, nothing), (CODE, code)):
        sheet.row(what).values.append(value)
    sheet.row("code changed, beyond nothing changed", 4).values.append(code - nothing)
    for what, record in (("release", there), ("way back", back)):
        sheet.row(f"on the server: {what}").values.append(record["seconds"])
        sheet.row(f"on the server: {what}, until its visitors").values.append(record["marks"]["flipped"])
    share(sheet, "way back / release", 0.5).append(back["seconds"] / there["seconds"])
    share(sheet, "way back / release, until its visitors", 0.5).append(
        back["marks"]["flipped"] / there["marks"]["flipped"]
    )


def share(sheet: Sheet, what: str, aim: float) -> list[float]:
    return sheet.row(what, aim, unit="x").values


def on_the_server(stage: Stage) -> dict[str, Any]:
    """What the one server tells of the release that runs."""
    record = json.loads(stage.type("slipway record staging --json").stdout)
    (server,) = record["servers"].values()
    return dict(server)


if __name__ == "__main__":
    sys.exit(main())
