"""A Postgres that slipway keeps, on real machines: reached, shut, killed, restarted, backed up, adopted by another."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.rehearsal.data_machine import Authority, DataMachine, born, bucket, documented, gone
from tests.rehearsal.stage import Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]
ROWS = 1000
SUM = "SELECT count(*) || ' ' || md5(string_agg(n || note, ',' ORDER BY n)) FROM pictures"
UNIT = "postgresql@17-main.service"


@dataclass
class World:
    """The database's machine, a neighbour on its private network, and who signs for it."""

    kept: DataMachine
    neighbour: DataMachine
    authority: Authority
    first: dict[str, object]


@pytest.fixture(scope="module")
def world(stage: Stage) -> Iterator[World]:
    authority, store = Authority(), bucket(stage, "backups-kept")
    kept = born(stage, "data-1")
    neighbour = born(stage, "data-2", login=kept.login)
    documented(kept, authority=authority, bucket=store)
    first = kept.keep()
    kept.sql(f"CREATE TABLE pictures AS SELECT n, md5(n::text) AS note FROM generate_series(1, {ROWS}) n")
    yield World(kept, neighbour, authority, first)
    for machine in (kept, neighbour):
        gone(machine)


def test_it_is_made_once_and_again_changes_nothing(world: World) -> None:
    assert {"made", "started", "role gallery", "database gallery", "port", "stanza"} <= set(world.first["changed"])  # type: ignore[call-overload]
    since = world.kept.sql("SELECT pg_postmaster_start_time()")
    assert world.kept.keep()["changed"] == []
    assert world.kept.sql("SELECT pg_postmaster_start_time()") == since
    assert world.kept.sql("SHOW data_checksums") == "on"


def test_a_neighbour_reaches_it_with_a_password_over_verified_tls_only(world: World) -> None:
    kept, ask = world.kept, world.neighbour.psql
    assert ask(kept, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t|TLSv1.3"
    assert "no encryption" in ask(kept, "SELECT 1", sslmode="disable")
    assert "password authentication failed" in ask(kept, "SELECT 1", password="wrong")
    assert "SSL error" in ask(kept, "SELECT 1", ca=Authority().certificate)
    assert "rejects connection" in ask(kept, "SELECT 1", user="postgres", dbname="postgres")
    assert "permission denied" in ask(kept, "CREATE TABLE t (n int)")  # until a release grants it
    admin = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert ask(kept, admin, role="admin") == "f|t|t"
    stored = kept.sql("SELECT count(*) FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%'")
    assert stored == "2"


def test_nothing_but_ssh_is_open_from_outside(world: World) -> None:
    def is_open(host: str, port: int, *, of: str) -> bool:
        probe = f"timeout 3 bash -c '</dev/tcp/{host}/{port}'"
        if of == "outside":
            return world.kept.stage.type(f"inside {probe}", check=False).returncode == 0
        return world.neighbour.root(f"{probe} 2>/dev/null && echo open || true") == "open"

    kept = world.kept
    assert is_open(kept.host, 22, of="outside")  # what the probe sees when something is open
    assert is_open(kept.private, 5432, of="neighbour")
    assert not is_open(kept.host, 5432, of="outside")
    assert not is_open(kept.host, 5432, of="neighbour")
    listening = kept.root("ss -tlnH | awk '{print $4}' | sed 's/.*://' | sort -un").split()
    assert [port for port in listening if is_open(kept.host, int(port), of="outside")] == ["22"]


def test_its_units_are_shut_in(world: World) -> None:
    for kind in ("full", "diff"):
        said = world.kept.root(f"systemd-analyze security --no-pager slipway-backup-{kind}.service | tail -1")
        assert float(said.split(":")[1].split()[0]) <= 1.5, said


def test_no_secret_is_where_others_can_read_it(world: World) -> None:
    document = world.kept.document
    values = [document["user"]["password"], document["admin"]["password"], document["backup"]["cipher"]]
    listed = "\n".join([*values, document["backup"]["secret_key"]])
    found = world.kept.root(
        f"cat > /root/values <<'END'\n{listed}\nEND\n"
        "grep -rlFf /root/values /var/log /etc /run/log /usr/local /var/lib/slipway-agent 2>/dev/null || true\n"
        "journalctl --no-pager | grep -cFf /root/values || true\nrm /root/values"
    )
    assert found.split() == ["/etc/pgbackrest/pgbackrest.conf", "0"]
    assert world.kept.root("stat -c '%a %U %G' /etc/pgbackrest/pgbackrest.conf") == "640 root postgres"


def test_it_is_backed_up_and_what_is_written_is_archived(world: World) -> None:
    kept = world.kept
    wait_until(lambda: kept.backup("status")["backups"] >= 1, limit=120, what="the first backup")
    wait_until(lambda: kept.backup("now diff")["ok"], limit=60, what="a backup")
    newest = kept.backup("status")["newest"]
    assert (newest["kind"], newest["sound"]) == ("diff", True)
    written = kept.sql("SELECT pg_walfile_name(pg_switch_wal())")
    wait_until(lambda: kept.sql("SELECT last_archived_wal FROM pg_stat_archiver") >= written, limit=60, what="archived")
    told = kept.backup("status")
    assert (told["archive"], told["ok"]) == ({"behind": 0, "queue": 0}, True)
    assert not kept.backup("reverse")["ok"]


def test_a_bucket_that_takes_nothing_is_told_and_the_database_serves_on(world: World) -> None:
    kept = world.kept
    answer = kept.keep(check=False, backup={**kept.document["backup"], "secret_key": "x" * 43})
    assert str(answer["error"]).startswith("database: database: pgbackrest")
    assert world.neighbour.psql(kept, "SELECT 1") == "1"
    assert kept.keep()["changed"] == ["backups"]


def test_a_dead_bucket_fills_no_disk(world: World) -> None:
    """What goes beyond the queue's limit, here a small one, is given up; the next good backup begins anew."""
    kept = world.kept
    small = "s/^archive-push-queue-max=.*/archive-push-queue-max=48MiB/; s/^repo1-s3-key-secret=.*/&x/"
    kept.root(f"sed -i '{small}' /etc/pgbackrest/pgbackrest.conf")
    kept.sql("CREATE TABLE heap (n int, t text)")
    for _ in range(6):
        kept.sql("INSERT INTO heap SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 30000) n")
    dropped = "grep -h 'dropped WAL file' /var/log/postgresql/*.log | wc -l"
    wait_until(lambda: int(kept.root(dropped)) > 0, limit=120, what="segments are given up")
    wait_until(lambda: kept.backup("status")["archive"]["queue"] <= 4, limit=60, what="the queue is short")
    assert int(kept.root("du -sm /srv/postgres/17/main/pg_wal | cut -f1")) < 400
    assert kept.keep()["changed"] == ["backups"]
    wait_until(lambda: kept.backup("now full")["ok"], limit=60, what="a backup")


def test_another_password_is_taken_over_and_the_old_one_opens_nothing(world: World) -> None:
    kept, before = world.kept, world.kept.document["user"]
    kept.document["user"] = {**before, "password": secrets.token_urlsafe(18)}
    assert kept.keep()["changed"] == ["password of gallery"]
    assert world.neighbour.psql(kept, "SELECT 1") == "1"
    assert "password authentication failed" in world.neighbour.psql(kept, "SELECT 1", password=before["password"])


def test_it_comes_back_when_it_is_killed(world: World) -> None:
    before = world.kept.sql(SUM)
    world.kept.root(f"kill -9 $(systemctl show -p MainPID --value {UNIT})")
    wait_until(lambda: world.neighbour.psql(world.kept, "SELECT 1") == "1", limit=60, what="Postgres is back")
    assert world.kept.sql(SUM) == before


def test_it_comes_back_with_its_machine(world: World) -> None:
    before, begun = world.kept.sql(SUM), "SELECT pg_postmaster_start_time()"
    since = world.kept.sql(begun)
    world.kept.power("reboot")
    wait_until(lambda: world.kept.sql(begun) != since, limit=120, what="the machine has been rebooted")
    # It answers a moment before systemd counts it as started.
    wait_until(lambda: world.kept.root(f"systemctl is-active {UNIT}") == "active", limit=60, what="its unit is active")
    wait_until(lambda: world.neighbour.psql(world.kept, "SELECT 1") == "1", limit=120, what="Postgres is back")
    assert world.kept.sql(SUM) == before
    assert world.kept.keep()["changed"] == []


def test_beside_a_site_it_is_reached_from_that_machine_only(stage: Stage, world: World) -> None:
    web = born(stage, "web-9", login=world.kept.login, template="web")
    documented(web, authority=world.authority, bucket=bucket(stage, "backups-beside"), address="127.0.0.1")
    try:
        assert {"made", "started", "stanza"} <= set(web.keep()["changed"])
        assert web.psql(web, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", host="127.0.0.1") == "t"
        for host in (web.private, web.host):
            assert "failed" in world.neighbour.psql(web, "SELECT 1", host=host)
        assert web.keep()["changed"] == []
    finally:
        gone(web)


def test_another_machine_adopts_the_disk_of_one_that_is_gone(world: World) -> None:
    kept, successor = world.kept, world.neighbour
    before = kept.sql(SUM)
    for machine in (kept, successor):
        machine.power("power_off")
    shutil.copytree(kept.disk() / "postgres", successor.disk() / "postgres", symlinks=True, copy_function=shutil.copy2)
    _same_owners(kept, successor)
    successor.power("power_on")
    wait_until(lambda: successor.root("echo up") == "up", limit=90, what="the successor is up")
    documented(successor, authority=world.authority, bucket={})
    successor.document |= {key: kept.document[key] for key in ("user", "admin", "backup")}
    changed = successor.keep()["changed"]
    assert {"adopted", "started", "port"} <= set(changed)
    assert not {"made", "stanza", "first backup started"} & set(changed)
    assert successor.sql(SUM) == before
    assert successor.backup("status")["backups"] >= 2
    assert successor.backup("now diff")["ok"]


def _same_owners(kept: DataMachine, successor: DataMachine) -> None:
    """As a disk would carry them."""
    for path in [kept.disk() / "postgres", *(kept.disk() / "postgres").rglob("*")]:
        owner = path.lstat()
        shutil.chown(successor.disk() / path.relative_to(kept.disk()), owner.st_uid, owner.st_gid)
