"""The smaller parts: environment, units, database, static files, pruning, the zipapp."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from release.driver.conversation import STOP_LIMIT
from release.host import zipapp
from release.host.agent import database, packages, releases, sandbox, static, tidy, units
from release.host.agent.document import Document
from release.host.agent.failure import Failure, cause_in
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from release.host.agent.state import State
from tests.release.host.bench import DATABASE, Recorded, document_for, parsed


def test_the_smallest_database_is_not_outrun(site: Site) -> None:
    document = parsed(database=DATABASE)
    for layer in document.layers.values():
        (site.layers / layer / "src").mkdir(parents=True)
    releases.assemble(site, document, mib=4096, cpus=2, connections=22)
    assert json.loads((site.release(document.release) / "web.json").read_text()) == {
        "processes": 2,
        "threads": 4,
        "interface": "wsgi",
    }


def test_the_environment_of_a_slot(site: Site) -> None:
    env = releases.environment(site, parsed(database=DATABASE), slot="green", sslmode="verify-full")
    assert env["DATABASE_URL"] == (
        "postgres://app:p%2Fw@private-db.example:25060/gallery"
        "?sslmode=verify-full&sslrootcert=/etc/slipway/gallery/database-ca.pem&connect_timeout=5"
    )
    assert env["SLIPWAY_STATIC"] == f"/srv/gallery/releases/{parsed().release}/static"
    assert (env["PLAIN"], env["TOKEN"], env["DEBUG"]) == ("1", "hush", "0")
    assert json.loads(env["SLIPWAY_MEDIA"]) == {"mode": "disk", "root": "/var/lib/gallery/media"}


def test_the_user_may_set_what_follows_from_the_stack_but_not_what_slipway_is(site: Site) -> None:
    own = {"DEBUG": "1", "SLIPWAY_RELEASE": "forged"}
    env = releases.environment(site, parsed(env=own), slot="green", sslmode="")
    assert (env["DEBUG"], env["SLIPWAY_RELEASE"]) == ("1", parsed().release)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"site": "../x"}, "site"),
        ({"release": "x"}, "release"),
        ({"hosts": ["a b"]}, "hosts"),
        ({"workers": {"../x": "run"}}, "workers"),
    ],
)
def test_what_would_become_a_path_is_held_to_its_shape(change: dict[str, Any], where: str) -> None:
    layers = dict.fromkeys(("dependencies", "code", "static"), "a" * 64)
    with pytest.raises(Failure, match=f"document: {where}: should look like"):
        Document.parse(document_for(layers, **change))


def test_celery_is_run_by_its_own_program(site: Site, machine: Recorded) -> None:
    units.put_slot(site, machine, slot="blue", workers={"queue": "celery -A shop worker -n %h"}, writable=[], drain=60)
    text = (site.units / "gallery-worker@blue-queue.service.d/release.conf").read_text()
    assert "ExecStart=/usr/bin/python3 -m celery -A shop worker -n %%h\n" in text


def test_a_worker_gets_its_slot_in_a_drop_in(site: Site, machine: Recorded) -> None:
    units.put_slot(
        site, machine, slot="green", workers={"mail": "send --per 50% $X"}, writable=["var", "/mnt/x"], drain=60
    )
    text = (site.units / "gallery-worker@green-mail.service.d/release.conf").read_text()
    assert "ExecStart=/usr/bin/python3 -m django send --per 50%% $$X\n" in text
    assert "LoadCredential=env:/etc/slipway/gallery/green.env\n" in text
    assert "BindPaths=/var/lib/gallery/writable/var:/srv/gallery/slots/green/app/var\n" in text
    assert "ReadWritePaths=-/mnt/x\n" in text
    assert machine.told("systemctl") == ["systemctl daemon-reload"]


def test_unchanged_units_are_no_news_to_systemd(site: Site, machine: Recorded) -> None:
    for _ in range(2):
        units.put_slot(site, machine, slot="green", workers={"mail": "send"}, writable=[], drain=60)
    assert machine.told("systemctl") == ["systemctl daemon-reload"]


def test_a_worker_that_is_gone_leaves_nothing(site: Site, machine: Recorded) -> None:
    units.put_slot(site, machine, slot="green", workers={"mail": "send"}, writable=[], drain=60)
    units.put_slot(site, machine, slot="green", workers={}, writable=[], drain=60)
    assert not list(site.units.glob("gallery-worker@green-*"))


def test_a_migration_past_its_limit_ends_with_its_unit_and_says_so(site: Site, machine: Recorded) -> None:
    def late(argv: Sequence[str]) -> Done:
        machine.clock += 60
        return Done(1, "", "Applying gallery.0002_slow...\n")

    machine.answers = {"systemd-run": late}
    with pytest.raises(Failure, match="migrate: should end within 60 s"):
        sandbox.django(site, machine, slot="green", verb="migrate", limit=60)
    assert "--property=RuntimeMaxSec=60 " in machine.ran[0]


def test_a_slot_outlives_what_caddy_waits_for() -> None:
    files = Path(units.__file__).parent / "files"
    waits, graceful = (
        int(re.findall(rf"{name}\D*(\d+)", (files / file).read_text())[0])
        for name, file in (("response_header_timeout", "site.caddy"), ("graceful_timeout", "gunicorn.conf.py"))
    )
    unit = Path("cloud-init/files/web@.service").read_text()
    assert waits <= graceful < int(unit.split("TimeoutStopSec=")[1].split()[0]) < STOP_LIMIT


def test_a_writable_path_outside_is_refused(site: Site) -> None:
    with pytest.raises(Failure, match=r"writable: should be a plain path \(got '\.\./x'\)"):
        units.binds(site, home="/srv/gallery/slots/green", writable=["../x"])


def test_grants_are_the_administrators_and_quoted(site: Site, machine: Recorded) -> None:
    wanted = parsed(database={**DATABASE, "user": 'a"b'}).database
    assert wanted
    database.grant(site, machine, wanted, mode="verify-full")
    assert 'GRANT USAGE, CREATE ON SCHEMA public TO "a""b"' in machine.inputs[-1]
    assert 'CREATE EXTENSION IF NOT EXISTS "pg_trgm"' in machine.inputs[-1]
    assert (machine.envs[-1]["PGUSER"], machine.envs[-1]["PGSSLMODE"]) == ("doadmin", "verify-full")


def test_a_certificate_for_another_name_is_verified_as_far_as_it_goes(site: Site, machine: Recorded) -> None:
    wanted = parsed(database=DATABASE).database
    assert wanted
    said = 'psql: error: connection failed: server certificate for "x" does not match host name "y"\n'
    replies = iter([Done(2, "", said), Done(0, "  22\n")])
    machine.answers["psql"] = lambda argv: next(replies)
    assert database.look(site, machine, wanted) == database.Seen("verify-ca", 22)
    assert [env["PGSSLMODE"] for env in machine.envs] == ["verify-full", "verify-ca"]


def test_a_database_that_refuses_is_the_cause(site: Site, machine: Recorded) -> None:
    wanted = parsed(database=DATABASE).database
    assert wanted
    said = 'psql: error: connection to server failed: FATAL:  password authentication failed for user "app"\n'
    machine.answers["psql"] = Done(2, "", said)
    with pytest.raises(Failure, match=r"database: .*FATAL:  password authentication failed"):
        database.look(site, machine, wanted)


def test_a_user_made_a_moment_ago_is_waited_for(site: Site, machine: Recorded) -> None:
    wanted = parsed(database=DATABASE).database
    assert wanted
    said = 'psql: error: connection to server failed: FATAL:  password authentication failed for user "app"\n'
    replies = iter([Done(2, "", said), Done(0, "  22\n")])
    machine.answers["psql"] = lambda argv: next(replies)
    assert database.look(site, machine, wanted) == database.Seen("verify-full", 22)


def test_packages_that_are_there_ask_no_network(machine: Recorded) -> None:
    machine.answers["dpkg-query"] = Done(0, "ii ")
    packages.install(machine, ["gdal-bin"])
    assert not machine.told("apt-get")


def test_an_unknown_package_is_named(machine: Recorded) -> None:
    machine.answers["dpkg-query"] = Done(1)
    machine.answers["install"] = Done(100, "", "E: Unable to locate package gdl-bin\n")
    with pytest.raises(Failure) as refused:
        packages.install(machine, ["gdl-bin"])
    assert str(refused.value) == "packages: Unable to locate package gdl-bin, correct the name in the stack file"


def test_old_static_files_go_with_their_layer(site: Site) -> None:
    for layer, name in (("a" * 64, "x.0123456789ab.css"), ("b" * 64, "y.0123456789ab.css")):
        write(site.layers / layer / "static/css" / name, layer)
        assert static.merge(site, layer, hashed=True) == 1
    write(
        site.release("111111111111-00000000") / "release.json",
        '{"manifest": {"layers": {"static": "%s"}}}' % ("b" * 64),
    )
    tidy.prune(site, State(history=["111111111111-00000000"]))
    assert [path.name for path in site.static.rglob("*.css")] == ["y.0123456789ab.css"]
    assert not (site.layers / ("a" * 64)).exists()


def test_pruning_keeps_five_and_what_runs(site: Site) -> None:
    names = [f"{n:012x}-00000000" for n in range(8)]
    for name in names:
        write(site.release(name) / "release.json", "{}")
    site.slot("blue").symlink_to(f"../releases/{names[0]}")
    assert tidy.prune(site, State(history=names)) == names[1:3]
    assert sorted(path.name for path in site.releases.iterdir()) == [names[0], *names[3:]]


@pytest.mark.parametrize("count", range(1, 6))
def test_up_to_five_all_stay(site: Site, count: int) -> None:
    names = [f"{n:012x}-00000000" for n in range(count)]
    for name in names:
        write(site.release(name) / "release.json", "{}")
    assert tidy.prune(site, State(history=names)) == []


def test_draining_waits_for_the_queue_and_no_longer(site: Site, machine: Recorded) -> None:
    queue = iter(["u_str LISTEN 2 2048 /run/x 1 * 0\n", "u_str LISTEN 0 2048 /run/x 1 * 0\n"])
    machine.answers["ss "] = lambda argv: Done(0, next(queue))
    tidy.drain(site, machine, "blue", limit=30)
    assert machine.clock == pytest.approx(0.2)


@pytest.mark.parametrize(("flipped", "waits"), [(0.04, 0.06), (0.1, 0), (4, 0)])
def test_draining_counts_from_the_flip(site: Site, machine: Recorded, flipped: float, waits: float) -> None:
    tidy.drain(site, machine, "blue", limit=30, flipped=flipped)
    assert machine.clock == pytest.approx(waits)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (["Traceback (most recent call last):", "  File x", "KeyError: 1", "[INFO] bye"], "KeyError: 1"),
        (["a.b.ImproperlyConfigured: set X", "bye"], "a.b.ImproperlyConfigured: set X"),
        (["only this"], "only this"),
        ([], ""),
    ],
)
def test_the_cause_is_the_line_that_names_it(lines: list[str], cause: str) -> None:
    assert cause_in(lines) == cause


def test_the_zipapp_is_the_same_bytes_and_runs(tmp_path: Path) -> None:
    assert zipapp() == zipapp()
    names = zipfile.ZipFile(io.BytesIO(zipapp())).namelist()
    assert {"host/agent/files/site.caddy", "slipway_data/__main__.py", "slipway_schema/fields.py"} <= set(names)
    assert not [name for name in names if "pycache" in name]
    (tmp_path / "agent.pyz").write_bytes(zipapp())
    done = subprocess.run(
        [sys.executable, tmp_path / "agent.pyz", "--help"], capture_output=True, text=True, check=True
    )
    assert "{release,arrive,hand-over,reconcile,status,releases,revert,come-back,logs,manage,shell,db}" in done.stdout
