"""A queue in the site's own database, and a ledger of what was done of it, by which release and when."""

# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.db import connection, transaction

FEED = """
INSERT INTO ledger_jobs (seconds) SELECT 0.3 + 2.7 * random() FROM generate_series(
    1, (SELECT waiting FROM ledger_level) - (SELECT count(*) FROM ledger_jobs WHERE taken IS NULL))
"""
TAKE = """
UPDATE ledger_jobs SET taken = clock_timestamp() WHERE id = (
    SELECT id FROM ledger_jobs WHERE taken IS NULL ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1
) RETURNING id, seconds
"""
# A job takes 3 s at the most: one that was begun long ago and is in no row of the ledger is lost.
LOST = """
taken < clock_timestamp() - interval '10 seconds' AND NOT EXISTS (SELECT FROM ledger_runs WHERE job = ledger_jobs.id)
"""
REQUEUE = f"UPDATE ledger_jobs SET taken = NULL WHERE {LOST}"
COUNTS = {
    "fed": "SELECT count(*) FROM ledger_jobs",
    "waiting": "SELECT count(*) FROM ledger_jobs WHERE taken IS NULL",
    "done": "SELECT count(DISTINCT job) FROM ledger_runs",
    "lost": f"SELECT count(*) FROM ledger_jobs WHERE {LOST}",
    "doubled": "SELECT count(*) FROM (SELECT job FROM ledger_runs GROUP BY job HAVING count(*) > 1) AS twice",
    "releases": "SELECT count(DISTINCT release) FROM ledger_runs",
    # Begun before the first job of the next release, ended after it: the drain had something to wait for.
    "across": """
        WITH first AS (SELECT release, min(began) AS began FROM ledger_runs GROUP BY release)
        SELECT count(*) FROM ledger_runs AS run WHERE EXISTS (
            SELECT FROM first WHERE first.release <> run.release AND run.began < first.began AND run.ended > first.began
        )""",
    "ticks": "SELECT count(*) FROM ledger_ticks WHERE name = 'tick'",
    "ticks_doubled": """
        SELECT count(*) FROM (
            SELECT due FROM ledger_ticks WHERE name = 'tick' GROUP BY due HAVING count(*) > 1) AS twice""",
    "ticks_missed": """
        SELECT coalesce(max(due) - min(due) + 1 - count(DISTINCT due), 0) FROM ledger_ticks WHERE name = 'tick'""",
}
PERIOD = 30  # seconds between ticks


def feed(number: int) -> None:
    """Have so many wait from now on, for as long as workers work."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_level SET waiting = %s", [number])
        cursor.execute(FEED)


def work_once() -> bool:
    """Take a job, do it, write it down; False when there is none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FEED)
        cursor.execute(TAKE)
        taken = cursor.fetchone()
    if not taken:
        return False
    began = time.time()
    time.sleep(taken[1])
    with connection.cursor() as cursor:
        row = [taken[0], os.environ["SLIPWAY_RELEASE"], began, time.time()]
        cursor.execute("INSERT INTO ledger_runs VALUES (%s, %s, to_timestamp(%s), to_timestamp(%s))", row)
    return True


def tick(name: str, *, seconds: float) -> None:
    """A scheduled job of so many seconds, or less when it is told that it was long enough (`~/ledger-NAME`).

    What it imports last is of its own release still.
    """
    began = started()
    told, end = Path.home() / f"ledger-{name}", time.monotonic() + seconds
    while time.monotonic() < end and not told.exists():
        time.sleep(0.2)
    from ledger.edition import EDITION

    row = [name, os.environ["SLIPWAY_RELEASE"], EDITION, int(began) // PERIOD, began, time.time()]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_ticks VALUES (%s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s))", row)


def started() -> float:
    """When systemd started this process, however long its imports took."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - since_boot


def requeue() -> None:
    """What a queue must do for a worker that was killed: give its job to another one."""
    with connection.cursor() as cursor:
        cursor.execute(REQUEUE)


def counted() -> dict[str, int]:
    found = {}
    with connection.cursor() as cursor:
        for name, sql in COUNTS.items():
            cursor.execute(sql)
            found[name] = int(cursor.fetchone()[0])
    return found


def ticks_of(name: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT release, edition, began::text FROM ledger_ticks WHERE name = %s ORDER BY began", [name])
        return [dict(zip(("release", "edition", "began"), row, strict=True)) for row in cursor.fetchall()]
