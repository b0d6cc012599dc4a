"""Disasters of a database that slipway keeps on a server of its own, on a whole stack: nothing held is lost."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.disasters import Keeper, Third, Writer, scan
from tests.rehearsal.stage import Stage, end_prober, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]
CLOUDS = ("hetzner",)

URL = "https://staging.example.org/"
PROBER = f"inside .venv/bin/python -m rehearsal.prober {URL} --rate 5 --seconds 300 --timeout 10"
OUTSIDER = "inside .venv/bin/python -m tests.rehearsal.outsider .venv/bin/python -m tests.rehearsal.scan"
EVERY, PLANTED = "1-65535", 8766
OWNERS = ("postgresql@17-main", "slipway-backup-full", "slipway-backup-diff")
ROOTS = ("slipway-drill", "slipway-watch")
ROWS = 20_000
SUM = "SELECT count(*) || ' ' || md5(string_agg(n || note || at, ',' ORDER BY n)) FROM proof"
TO_BACKUPS = {"service": "s3", "method": "PUT", "path": ".*-backups-.*"}


@pytest.fixture(scope="module")
def third(site: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Third]:
    """It hears of trouble, too."""
    third = Third.order(site, place=tmp_path_factory.mktemp("third"))
    site.type(f"pulumi config set --secret notify {third.webhook} -s staging")
    site.up("staging")
    yield third
    site.api(f"servers/{third.id}", method="DELETE")


@pytest.fixture
def keeper(site: Stage, third: Third) -> Keeper:
    return Keeper(site)


def test_a_backup_is_made_and_proven(site: Stage, keeper: Keeper) -> None:
    wait_until(lambda: bool(keeper.backup("status")["backups"]), limit=120, what="the first backup")
    assert "diff" in site.type("slipway backup now staging").stdout
    assert "green" in site.type("slipway backup drill staging").stdout
    assert "everything" in site.type("slipway backup status staging").stdout


def test_its_timers_do_the_same_by_themselves(keeper: Keeper) -> None:
    timers = keeper.root("systemctl list-timers --no-legend 'slipway-*' | grep -o 'slipway-[a-z-]*.service' | sort")
    services = [f"slipway-{name}.service" for name in ("backup-diff", "backup-full", "drill", "watch")]
    assert timers.split() == services
    before = keeper.backup("status")
    for service in services:
        keeper.root(f"systemctl start {service}")  # which waits for its end, and fails with it
    after = keeper.backup("status")
    assert after["backups"] == before["backups"] + 2
    assert after["drill"]["ok"]
    assert after["drill"]["done"] > before["drill"]["done"]


def test_its_units_are_shut_in(keeper: Keeper) -> None:
    """The watch and the drill are root's: they become the database's user, and tell a person with a secret."""
    for unit, most in {**dict.fromkeys(OWNERS, 1.5), **dict.fromkeys(ROOTS, 3.0)}.items():
        said = keeper.root(f"systemd-analyze security --no-pager {unit}.service | tail -1")
        assert float(said.split(":")[1].split()[0]) <= most, said


def test_nothing_but_ssh_and_the_private_port_is_open(site: Stage, keeper: Keeper, third: Third) -> None:
    host, private = keeper.host, keeper.private
    outside = json.loads(site.type(f"{OUTSIDER} {host} --tcp {EVERY}").stdout)["tcp"]
    assert outside == {"open": [22], "refused": []}
    seen = {
        f"{name} {address}": json.loads(root(scan(address, EVERY)))["tcp"]["open"]
        for name, root in (("web", site.root), ("third", third.root))
        for address in (host, private)
    }
    assert seen == {
        f"web {host}": [22],
        f"web {private}": [22, 5432],
        f"third {host}": [22],
        f"third {private}": [],
    }


def test_the_scan_sees_a_port_that_is_opened_by_mistake(site: Stage, keeper: Keeper) -> None:
    """A planted listener is kept from the private network by the machine's own firewall alone, and then let in."""
    private = keeper.private
    keeper.root(f"systemd-run --quiet --unit=planted-port python3 -m http.server {PLANTED}; sleep 1")
    try:
        assert json.loads(site.root(scan(private, str(PLANTED))))["tcp"]["open"] == []
        keeper.root(f"nft insert rule inet slipway input tcp dport {PLANTED} accept")
        assert json.loads(site.root(scan(private, str(PLANTED))))["tcp"]["open"] == [PLANTED]
    finally:
        keeper.root("systemctl stop planted-port; systemctl restart nftables")


def test_another_machine_takes_over_its_disk(site: Stage, keeper: Keeper, tmp_path: Path) -> None:
    note = "CREATE TABLE proof (n int PRIMARY KEY, note text, at timestamptz DEFAULT clock_timestamp())"
    keeper.sql(f"{note}; INSERT INTO proof SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n")
    before, old, since = keeper.sql(SUM), keeper.facts, volume_moves(site)
    site.type("pulumi config set database-generation 2 -s staging")
    shown = site.type("pulumi preview --non-interactive --color never -s staging").stdout
    announced = re.search(r"without its database for up to (\d+) s", shown)
    assert announced, shown
    report = tmp_path / "probe.json"
    prober = site.start(f"{PROBER} --out {report}")
    time.sleep(3)
    site.up("staging")
    wait_until(lambda: bool(site.page(URL.rstrip("/"))), limit=60, what="the site answers")
    time.sleep(12)
    ended = end_prober(prober, report)
    print(f"interruption: {ended['interruption']} s, announced: up to {announced[1]} s, n=1; {ended['failures']}")
    assert ended["failed"] > 0  # the prober reads the database
    assert keeper.facts["id"] != old["id"]
    assert keeper.sql(SUM) == before
    disk, new = int(old["disk"]), int(keeper.facts["id"])
    assert volume_moves(site)[len(since) :] == [
        ("volume detached", disk, int(old["id"])),
        ("volume attached", disk, new),
    ]
    assert "green" in site.type("slipway backup drill staging").stdout


def volume_moves(site: Stage) -> list[tuple[str, int, int]]:
    """Every attaching and detaching so far, in order."""
    events = [json.loads(line) for line in (site.state / "events.jsonl").read_text().splitlines()]
    kinds = ("volume attached", "volume detached")
    return [(row["event"], row["volume"], row["server"]) for row in events if row["event"] in kinds]


ROUND = """from django.contrib.auth.models import Group
from django.db import connection
for n in range(20):
    Group.objects.create(name=f"before {n}")
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_sleep(0.01), clock_timestamp() AT TIME ZONE 'UTC', pg_sleep(0.01)")
    print("moment", cursor.fetchone()[1].isoformat())
for n in range(20):
    Group.objects.create(name=f"after {n}")

"""


def test_a_restore_brings_exactly_what_was_committed_before(site: Stage, keeper: Keeper) -> None:
    said = site.type("slipway shell staging", input=ROUND).stdout
    moment = said.split("moment ")[1].split()[0]
    restore = f"slipway backup restore staging --at {moment}"
    for named in ("", " --yes-overwrite stag", " --yes-overwrite production"):
        refused = site.type(f"{restore}{named} </dev/null", check=False)
        assert refused.returncode == 2
        assert "named in full" in refused.stderr
    assert (len(keeper.stored("before")), len(keeper.stored("after"))) == (20, 20)
    site.type(f"{restore} --yes-overwrite staging")
    assert (keeper.stored("before"), keeper.stored("after")) == (set(range(20)), set())
    assert keeper.sql(SUM).startswith(f"{ROWS} ")
    assert site.page(URL.rstrip("/"))
    wait_until(lambda: keeper.caught_up(), limit=60, what="the new history is archived")


def answers(site: Stage) -> bool:
    return bool(site.page(URL.rstrip("/")))


def test_a_killed_postgres_loses_no_committed_row(site: Stage, keeper: Keeper, tmp_path: Path) -> None:
    writer = Writer.begin(site, "killed", seconds=20, place=tmp_path)
    time.sleep(6)
    keeper.root("kill -9 $(head -1 /srv/postgres/17/main/postmaster.pid)")
    wait_until(lambda: answers(site), limit=60, what="the site answers again by itself")
    held(keeper, writer, "killed")
    keeper.sql("DELETE FROM auth_group WHERE name = 'killed 3'")
    assert 3 not in keeper.stored("killed")  # what a loss would look like


def held(keeper: Keeper, writer: Writer, name: str) -> None:
    """Every row that was acknowledged is there."""
    committed = writer.committed()
    print(f"{name}: {len(committed)} rows acknowledged")
    assert committed
    assert committed - keeper.stored(name) == set()


def test_its_machine_loses_power_and_no_committed_row(site: Stage, keeper: Keeper, tmp_path: Path) -> None:
    writer = Writer.begin(site, "power", seconds=45, place=tmp_path)
    time.sleep(6)
    keeper.power("poweroff")
    time.sleep(5)
    keeper.power("poweron")
    seconds = wait_until(lambda: answers(site), limit=120, what="the site answers again by itself")
    print(f"answers again {seconds:.0f} s after the power is back, n=1")
    held(keeper, writer, "power")


def test_a_push_that_is_killed_is_made_again(site: Stage, keeper: Keeper) -> None:
    """The bucket is slow, so that pgBackRest dies in the middle of a piece of the log."""
    site.fault(**TO_BACKUPS, do="delay", seconds=10, times=0, lasts=60)
    try:
        keeper.sql("INSERT INTO auth_group (name) SELECT 'push ' || n FROM generate_series(1, 1000) n")
        keeper.sql("SELECT pg_switch_wal()")
        keeper.root("for _ in $(seq 300); do pgrep -x pgbackrest >/dev/null && break; sleep 0.1; done; sleep 2")
        assert int(keeper.root("pgrep -xc pgbackrest; pkill -9 -x pgbackrest")) > 0
    finally:
        site.heal()
    wait_until(lambda: keeper.caught_up(), limit=120, what="the archive has everything")
    assert "green" in site.type("slipway backup drill staging").stdout
    assert keeper.stored("push") == set(range(1, 1001))


def test_a_bucket_that_refuses_for_two_minutes_is_told_once(
    site: Stage, keeper: Keeper, third: Third, tmp_path: Path
) -> None:
    heard = len(third.heard())
    writer = Writer.begin(site, "refused", seconds=90, place=tmp_path)
    site.fault(**TO_BACKUPS, status=403, times=0)
    try:
        for _ in range(2):  # each gives up after a minute
            keeper.root("! systemctl start slipway-backup-diff.service")
        keeper.sql("SELECT pg_switch_wal()")
        assert answers(site)
        (told,) = third.heard()[heard:]
        assert "backup: failed" in told
        held(keeper, writer, "refused")
    finally:
        site.heal()
    wait_until(lambda: keeper.caught_up(), limit=120, what="the archive has everything")
    keeper.root("systemctl start slipway-backup-diff.service")
    assert [text.rpartition(": ")[2] for text in third.heard()[heard + 1 :]] == ["is well again"]
    assert "green" in site.type("slipway backup drill staging").stdout


def test_destroy_leaves_the_backups_and_what_was_the_owners(site: Stage, keeper: Keeper) -> None:
    account = ACCOUNTS[site.cloud_name]
    records = account.owners_records(site, "example.org")
    kept = site.outputs("staging")["data"]["bucket"]["name"]
    site.type("pulumi destroy --yes --non-interactive --color never -s staging")
    left = [row for row in site.cloud("inventory")["resources"] if "staging" in json.dumps(row)]
    assert [(row["kind"], row["id"]) for row in left] == [("buckets", kept)]
    assert account.owners_records(site, "example.org") == records
