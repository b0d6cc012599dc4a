"""Drill and restore with a real Postgres and a real pgBackRest on a Debian 13 in a namespace of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from tests.release.host.postgres.laboratory import Laboratory, laboratory

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with laboratory() as made:
        yield made


@pytest.fixture
def spoilt(lab: Laboratory) -> Iterator[None]:
    """The repository as it was comes back afterwards."""
    lab.sql("INSERT INTO picture (title) SELECT 'wal' FROM generate_series(1, 100); SELECT pg_switch_wal()")
    lab.backrest("check")
    lab.run("cp", "-a", "/var/lib/pgbackrest", "/var/lib/kept")
    yield
    lab.run("sh", "-euc", "rm -rf /var/lib/pgbackrest; mv /var/lib/kept /var/lib/pgbackrest")
    assert lab.backup("now", "full")["ok"]  # what was archived meanwhile is missing there


def nothing_left(lab: Laboratory) -> None:
    assert len(lab.processes()) == 1
    assert lab.run("sh", "-c", "ls -d /srv/postgres/drill /var/lib/slipway-backup/drill", check=False).stdout == ""


def test_a_good_backup_is_green(lab: Laboratory) -> None:
    lab.sql("INSERT INTO picture (title) VALUES ('after the backup')")
    answer = lab.backup("drill")
    assert answer["ok"], answer
    assert (answer["tables"], answer["rows"]) == (2, int(lab.sql("SELECT count(*) FROM picture")))
    assert 0 <= answer["loss"] <= 120
    assert lab.backup("status")["drill"]["label"] == answer["label"]
    nothing_left(lab)


NEWEST = "$(ls -d /var/lib/pgbackrest/backup/gallery/*F | tail -1)"


def truncated(lab: Laboratory) -> None:
    lab.run("sh", "-euc", f"truncate -s -512 $(ls -S $(find {NEWEST} -type f -path '*/bundle/*') | head -1)")


def emptied(lab: Laboratory) -> None:
    lab.run("sh", "-euc", f"find {NEWEST} -type f -path '*/bundle/*' -exec truncate -s 0 {{}} +")


def without_backups(lab: Laboratory) -> None:
    lab.run("sh", "-euc", "rm -r /var/lib/pgbackrest/backup/gallery")


def without_a_segment(lab: Laboratory) -> None:
    newest = "find /var/lib/pgbackrest/archive -type f -name '0000000?????????????????-*' | sort | tail -1"
    lab.run("sh", "-euc", f"rm $({newest})")


def of_another_version(lab: Laboratory) -> None:
    """A backup is taken of a cluster that says of itself it is another version's."""
    lab.run("sh", "-euc", "echo 16 > /srv/postgres/17/main/PG_VERSION")
    assert lab.backup("now", "full")["ok"]
    lab.run("sh", "-euc", "echo 17 > /srv/postgres/17/main/PG_VERSION")


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (truncated, "drill: pgbackrest restore: "),
        (emptied, "drill: pgbackrest restore: "),
        (without_backups, "drill: the repository holds no backup, make one with slipway backup now"),
        (of_another_version, "drill: what was restored should be of Postgres 17 (got 16)"),
        (without_a_segment, "recovery ended before configured recovery target was reached"),
    ],
)
def test_a_spoilt_repository_is_red(
    lab: Laboratory, spoilt: None, spoil: Callable[[Laboratory], None], cause: str
) -> None:
    spoil(lab)
    answer = lab.backup("drill")
    assert not answer["ok"]
    assert cause in answer["error"]
    assert lab.backup("status")["drill"]["ok"] is False
    nothing_left(lab)


def test_back_to_a_moment(lab: Laboratory) -> None:
    for number in range(40):
        lab.sql(f"INSERT INTO picture (title) VALUES ('numbered {number}')")
        if number == 20:
            time.sleep(0.05)
            moment = datetime.now(UTC)
            time.sleep(0.05)
    answer = lab.backup("restore", "--at", moment.isoformat())
    assert answer["ok"], answer
    found = lab.sql("SELECT title FROM picture WHERE title LIKE 'numbered %' ORDER BY id").splitlines()
    assert found == [f"numbered {number}" for number in range(21)]
    assert lab.backup("drill")["ok"]
    assert lab.backup("restore", "--undo")["ok"]
    found = lab.sql("SELECT title FROM picture WHERE title LIKE 'numbered %' ORDER BY id").splitlines()
    assert found == [f"numbered {number}" for number in range(40)]
    assert lab.backup("drill")["ok"]
