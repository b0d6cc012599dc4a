"""`database: local`: the site's Postgres beside it on the web server, its backups, and the machine going away."""

from __future__ import annotations

import json
import re

import pytest

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.disasters import Keeper
from tests.rehearsal.replacement import lose_machine, machines
from tests.rehearsal.stage import Stage, wait_until
from tests.rehearsal.test_database_server import ROUND, ROWS, SUM

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]
CLOUDS = ("digitalocean", "hetzner")

STACK = "staging"
UP = f"pulumi up --yes --skip-preview --non-interactive --color never -s {STACK}"
NOTE = "CREATE TABLE proof (n int PRIMARY KEY, note text, at timestamptz DEFAULT clock_timestamp())"
BACK = "brought back from the bucket"


@pytest.fixture(scope="module")
def local(stage: Stage) -> Stage:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare {STACK} --project {stage.gallery}")
    stage.type(f"pulumi config set database local -s {STACK}")
    stage.up(STACK)
    return stage


@pytest.fixture
def keeper(local: Stage) -> Keeper:
    return Keeper(local)


def machine(local: Stage) -> int:
    """The web server, which is the database's too."""
    (found,) = machines(local)
    return found


def test_a_backup_is_made_and_proven(local: Stage, keeper: Keeper) -> None:
    keeper.sql(f"{NOTE}; INSERT INTO proof SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n")
    wait_until(lambda: bool(keeper.backup("status")["backups"]), limit=120, what="the first backup")
    assert "diff" in local.type(f"slipway backup now {STACK}").stdout
    assert "green" in local.type(f"slipway backup drill {STACK}").stdout
    assert "everything" in local.type(f"slipway backup status {STACK}").stdout


def test_a_restore_brings_exactly_what_was_committed_before(local: Stage, keeper: Keeper) -> None:
    moment = local.type(f"slipway shell {STACK}", input=ROUND).stdout.split("moment ")[1].split()[0]
    before = keeper.sql(SUM)
    assert (len(keeper.stored("before")), len(keeper.stored("after"))) == (20, 20)
    local.type(f"slipway backup restore {STACK} --at {moment} --yes-overwrite {STACK}")
    assert (keeper.stored("before"), keeper.stored("after")) == (set(range(20)), set())
    assert keeper.sql(SUM) == before
    wait_until(keeper.caught_up, limit=60, what="the new history is archived")


def test_nothing_but_the_site_and_ssh_is_open(local: Stage, keeper: Keeper) -> None:
    """Postgres listens on the loopback alone."""
    listening = keeper.root("ss -Hltn 'sport = :5432' | awk '{print $4}'").split()
    assert listening
    assert {each.rpartition(":")[0] for each in listening} <= {"127.0.0.1", "[::1]"}


def test_a_second_up_changes_nothing(local: Stage) -> None:
    done = local.up(STACK)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", done.stdout), done.stdout


def test_another_generation_is_refused_and_costs_nothing(local: Stage, keeper: Keeper) -> None:
    before, old = keeper.sql(SUM), machine(local)
    local.type(f"pulumi config set server-generation 2 -s {STACK}")
    done = local.up(STACK, check=False)
    assert done.returncode
    assert "the database on the server's disk would be lost" in done.stdout + done.stderr
    assert (machine(local), keeper.sql(SUM)) == (old, before)


def test_one_that_is_meant_brings_the_database_back_from_the_bucket(local: Stage, keeper: Keeper) -> None:
    keeper.sql("INSERT INTO proof SELECT n, md5(n::text) FROM generate_series(100001, 100100) n")
    before, old = keeper.sql(SUM), machine(local)
    keeper.sql("SELECT pg_switch_wal()")
    wait_until(keeper.caught_up, limit=60, what="the log is archived")
    local.type(f"pulumi config set --path 'accept-data-loss[0]' server-generation -s {STACK}")
    assert BACK in local.type(UP).stdout
    local.type(f"pulumi config rm accept-data-loss -s {STACK}")
    assert machine(local) != old
    assert keeper.sql(SUM) == before
    assert local.page("https://staging.example.org")
    assert "green" in local.type(f"slipway backup drill {STACK}").stdout


def test_a_machine_that_is_lost_comes_back_with_its_database(local: Stage, keeper: Keeper) -> None:
    """And what was never in the bucket does not: the check would see a copy from elsewhere."""
    before = keeper.sql(SUM)
    keeper.sql("SELECT pg_switch_wal()")
    wait_until(keeper.caught_up, limit=60, what="the log is archived")
    bucket = {"service": "s3", "method": "PUT", "path": ".*-backups-.*", "status": 403, "times": 0}
    local.fault(**bucket)
    try:
        keeper.sql("INSERT INTO proof SELECT n, 'never archived' FROM generate_series(200001, 200010) n")
        lose_machine(local, machine(local))
    finally:
        local.heal()
    assert BACK in local.type(f"{UP} --refresh").stdout
    assert keeper.sql(SUM) == before
    assert local.page("https://staging.example.org")
    assert "everything" in local.type(f"slipway backup status {STACK}", check=False).stdout


def test_destroy_leaves_the_backups_and_what_was_the_owners(local: Stage) -> None:
    account = ACCOUNTS[local.cloud_name]
    records = account.owners_records(local, "example.org")
    kept = local.outputs(STACK)["data"]["bucket"]["name"]
    local.type(f"pulumi destroy --yes --non-interactive --color never -s {STACK}")
    left = [row for row in local.cloud("inventory")["resources"] if STACK in json.dumps(row)]
    assert [(row["kind"], row["name"]) for row in left] == [("buckets", kept)]
    assert account.owners_records(local, "example.org") == records
