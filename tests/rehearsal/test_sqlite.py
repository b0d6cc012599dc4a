"""`database: sqlite`: a server is lost under writes, and what the next one does not have is measured."""

from __future__ import annotations

import ast
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rehearsal.stage import Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

STACK = "solo"
RATE, SECONDS = 50, 60
LIMIT = 2.0  # seconds of writes that docs/sqlite.md says may be lost
PREPARE = f"""
import sys
from rehearsal import paths, shadow
from rehearsal.prepare import prepare_stack
config = {{"cloud": "digitalocean", "region": "fra1", "domain": "example.org", "hosts": ["{STACK}.example.org"],
          "project": sys.argv[1], "settings": "gallery.settings", "database": "sqlite"}}
shadow.add_stack(shadow=paths.SHADOW, stack="{STACK}", config=config)
prepare_stack("{STACK}")
"""
# As the site writes: its own settings, one transaction each, told only once it is committed.
WRITER = f"""
import time
from django.db import connection, transaction
connection.cursor().execute("CREATE TABLE IF NOT EXISTS ticks (n integer primary key, at real not null)")
connection.cursor().execute("DELETE FROM ticks")
begun, n = time.time(), 0
while True:
    time.sleep(max(0, begun + n / {RATE} - time.time()))
    with transaction.atomic():
        connection.cursor().execute("INSERT INTO ticks VALUES (%s, %s)", [n, time.time()])
    print(n, time.time(), flush=True)
    n += 1
"""


@dataclass(frozen=True)
class Restored:
    count: int
    last: int
    at: float
    integrity: str


@pytest.fixture(scope="module")
def solo(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = tmp_path_factory.mktemp("solo") / "prepare.py"
    script.write_text(PREPARE)
    stage.type(f"inside env PYTHONPATH=. .venv/bin/python {script} {stage.gallery}")
    stage.up(STACK)
    yield stage
    stage.type(f"pulumi destroy --yes --skip-preview --non-interactive -s {STACK}")


def test_the_site_cannot_read_the_key_of_its_copy(solo: Stage) -> None:
    """Not as a file, nor in the process that has it, though both run as the site's user."""
    reader = """import glob
kept = ["/etc/slipway/slipway/litestream.yml", *glob.glob("/run/credentials/*litestream*/*")]
kept += [name + "/environ" for name in glob.glob("/proc/[0-9]*")] + [n + "/root" for n in glob.glob("/proc/[0-9]*")]
read = []
for name in kept:
    try:
        text = open(name + "/run/credentials/slipway-litestream.service/litestream.yml" * name.endswith("/root")).read()
    except OSError:
        continue
    if "secret-access-key" in text:
        read.append(name)
print("tried", len(kept), "read", read)
"""
    said = solo.type(f"slipway shell {STACK}", input=reader).stdout
    assert re.search(r"tried [1-9]\d* read \[\]", said), said
    assert "secret-access-key" in solo.root("cat /etc/slipway/slipway/litestream.yml", stack=STACK, secret=True)
    print("\n" + solo.root("systemd-analyze security slipway-litestream.service | tail -1", stack=STACK))


def test_a_lost_server_loses_two_seconds_at_most(solo: Stage, tmp_path: Path) -> None:
    acknowledged = write_until_killed(solo, tmp_path, seconds=SECONDS)
    found = restored(solo)
    assert len(acknowledged) > RATE * SECONDS * 0.5, "too few writes to tell"
    print(f"\n{len(acknowledged)} writes, {len(acknowledged) - found.count} lost: {window(acknowledged, found):.2f} s")
    check(acknowledged, found)


def test_the_check_sees_a_copy_that_has_stopped(solo: Stage, tmp_path: Path) -> None:
    acknowledged = write_until_killed(solo, tmp_path, seconds=15, stop_copying_after=5)
    with pytest.raises(AssertionError, match="lost"):
        check(acknowledged, restored(solo))


def test_a_new_generation_loses_nothing(solo: Stage, tmp_path: Path) -> None:
    """Written until the old machine rests: the writer ends there, and every write it was told of is on the new one."""
    writer, told = start(solo, tmp_path)
    time.sleep(5)
    solo.type(f"pulumi config set server-generation 2 -s {STACK}")
    solo.up(STACK)
    writer.communicate(timeout=60)  # and its pipe is closed: one left open fails the test
    acknowledged, found = read(told), restored(solo, up=False)
    print(f"\n{len(acknowledged)} writes, {found.count} on the new machine, the last {found.last}")
    assert len(acknowledged) > RATE, "too few writes to tell"
    assert found.integrity == "ok"
    assert found.count == found.last + 1, "rows are missing in between"
    assert found.last >= acknowledged[-1][0]


def check(acknowledged: list[tuple[int, float]], found: Restored) -> None:
    assert found.integrity == "ok"
    assert found.count == found.last + 1, "rows are missing in between"
    lost = window(acknowledged, found)
    assert lost <= LIMIT, f"{lost:.1f} s of writes are lost"


def window(acknowledged: list[tuple[int, float]], found: Restored) -> float:
    """Seconds between the last write that was acknowledged and the last that is there again."""
    return max(0.0, acknowledged[-1][1] - found.at)


def start(solo: Stage, folder: Path) -> tuple[subprocess.Popen[str], Path]:
    script, told = folder / "writer.py", folder / "told"
    script.write_text(WRITER)
    return solo.start(f"bash -c 'slipway shell {STACK} <{script} >{told}'"), told


def write_until_killed(
    solo: Stage, folder: Path, *, seconds: float, stop_copying_after: float | None = None
) -> list[tuple[int, float]]:
    """The writes that were acknowledged before the machine was deleted under them."""
    machine = str(solo.outputs(STACK)["cloud"]["machines"]["web-1"]["id"])
    writer, told = start(solo, folder)
    limit = time.monotonic() + 60
    while not (told.exists() and told.stat().st_size) and time.monotonic() < limit:
        time.sleep(0.1)
    if stop_copying_after is not None:
        time.sleep(stop_copying_after)
        solo.root("systemctl kill --signal=KILL slipway-litestream; systemctl stop slipway-litestream", stack=STACK)
        seconds -= stop_copying_after
    time.sleep(seconds)
    solo.api(f"droplets/{machine}", method="DELETE")
    wait_until(lambda: machine not in standing(solo), limit=120, what="the machine is gone")
    writer.terminate()
    writer.communicate(timeout=90)
    return read(told)


def standing(solo: Stage) -> list[str]:
    return [str(each["id"]) for each in solo.api("droplets")["droplets"]]


def read(told: Path) -> list[tuple[int, float]]:
    lines = [line.split() for line in told.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [(int(line[0]), float(line[1])) for line in lines if len(line) == 2 and line[0].isdigit()]


def restored(solo: Stage, *, up: bool = True) -> Restored:
    """What a new server has."""
    if up:
        solo.type(f"pulumi up --refresh --yes --skip-preview --non-interactive --color never -s {STACK}")

    def ask(sql: str) -> tuple[object, ...]:
        said = solo.type(f'slipway db shell {STACK} "{sql}"').stdout
        found: tuple[object, ...] = ast.literal_eval(said.strip().splitlines()[-1])
        return found

    count, last, at = ask("SELECT count(*), max(n), max(at) FROM ticks")
    (integrity,) = ask("PRAGMA integrity_check")
    return Restored(int(str(count)), int(str(last)), float(str(at)), str(integrity))
