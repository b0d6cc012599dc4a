"""Data in and out of the story's site: its Postgres as a file and back, uploads from a directory and into one."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from tests.rehearsal.stage import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.once]
CLOUDS = ("digitalocean", "hetzner")

STACK = "staging"
URL = "https://staging.example.org"
WRITE = """from django.contrib.auth.models import Group
Group.objects.create(name="{name}")

"""
# As another host's pg_dump writes it: its owners and grants name roles that are not here.
FOREIGN = """SET statement_timeout = 0;
CREATE TABLE public.moved (n integer PRIMARY KEY, note text);
ALTER TABLE public.moved OWNER TO somebody_elsewhere;
COPY public.moved (n, note) FROM stdin;
1\tALTER TABLE public.moved OWNER TO nobody;
2\tkept as it is
\\.
GRANT SELECT ON TABLE public.moved TO reporting_elsewhere;
"""
MOVED = "SELECT tableowner = current_user, (SELECT string_agg(note, '|' ORDER BY n) FROM moved) FROM pg_tables"


def ask(site: Stage, sql: str) -> str:
    return site.type(f"slipway db shell {STACK} -Atqc {shlex.quote(sql)}").stdout.strip()


def groups(site: Stage) -> set[str]:
    return set(ask(site, "SELECT name FROM auth_group").split("\n")) - {""}


@pytest.fixture(scope="module")
def dump(site: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a moment between two rows."""
    file = tmp_path_factory.mktemp("data") / "site.dump"
    site.type(f"slipway shell {STACK}", input=WRITE.format(name="data before"))
    site.type(f"slipway db dump {STACK} {file}")
    site.type(f"slipway shell {STACK}", input=WRITE.format(name="data after"))
    return file


def test_a_dump_is_for_its_owner_alone(dump: Path) -> None:
    assert dump.read_bytes().startswith(b"PGDMP")
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600


def test_nothing_is_loaded_over_a_database_that_is_not_named(site: Stage, dump: Path) -> None:
    for named in ("", " --overwrite stag"):
        assert site.type(f"slipway db load {STACK} {dump}{named}", check=False).returncode == 2
    assert {"data before", "data after"} <= groups(site)


def test_a_dump_cut_short_changes_nothing(site: Stage, dump: Path) -> None:
    cut = dump.with_name("cut.dump")
    cut.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    done = site.type(f"slipway db load {STACK} {cut} --overwrite {STACK}", check=False)
    assert done.returncode
    assert {"data before", "data after"} <= groups(site)


def test_a_dump_from_elsewhere_becomes_the_sites_own(site: Stage, dump: Path) -> None:
    """Who owned it there is left out; a row that reads like such a line is a row."""
    file = dump.with_name("foreign.sql")
    file.write_text(FOREIGN)
    site.type(f"slipway db load {STACK} {file} --overwrite {STACK}")
    told = ask(site, f"{MOVED} WHERE tablename = 'moved'")
    assert told == "t|ALTER TABLE public.moved OWNER TO nobody;|kept as it is"


def test_a_dump_brings_back_what_was_there_then(site: Stage, dump: Path) -> None:
    said = site.type(f"slipway db load {STACK} {dump} --overwrite {STACK}").stdout
    assert "owned by the site's user" in said
    assert "data before" in groups(site)
    assert "data after" not in groups(site)
    assert ask(site, "SELECT count(*) FROM pg_tables WHERE tablename = 'moved'") == "0"
    assert site.page(URL)
    site.type(f"slipway manage {STACK} migrate --check")


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uploads")
    for name, size in (("moved/one.bin", 10), ("moved/ü ß.bin", 70_000), ("moved/empty.bin", 0)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(os.urandom(size))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_uploads_go_in_once(site: Stage, uploads: Path) -> None:
    assert "3 new" in site.type(f"slipway media push {STACK} {uploads} --dry-run").stdout
    assert "done: 3 copied" in site.type(f"slipway media push {STACK} {uploads}").stdout
    assert "done: 0 copied" in site.type(f"slipway media push {STACK} {uploads}").stdout
    read = "from django.core.files.storage import default_storage as s\nprint('size', s.size('moved/ü ß.bin'))\n"
    assert "size 70000" in site.type(f"slipway shell {STACK}", input=read).stdout


def test_what_differs_stays_unless_it_is_said(site: Stage, uploads: Path) -> None:
    (uploads / "moved/one.bin").write_bytes(b"another one")
    assert "1 differ" in site.type(f"slipway media push {STACK} {uploads}").stdout
    assert "done: 1 copied" in site.type(f"slipway media push {STACK} {uploads} --overwrite").stdout


def test_uploads_come_out_as_they_went_in(site: Stage, uploads: Path, tmp_path: Path) -> None:
    site.type(f"slipway media pull {STACK} {tmp_path}")
    assert {name: body for name, body in files(tmp_path).items() if name.startswith("moved/")} == files(uploads)


def test_uploads_of_a_moment_come_back(site: Stage, uploads: Path, tmp_path: Path) -> None:
    moment = site.type("date -u +%FT%T.%N; sleep 1.1").stdout.strip()[:23]
    (uploads / "moved/one.bin").write_bytes(b"overwritten by mistake")
    site.type(f"slipway media push {STACK} {uploads} --overwrite")
    restore = f"slipway backup restore {STACK} --media --at {moment}"
    assert site.type(f"{restore} </dev/null", check=False).returncode == 2
    site.type(f"{restore} --yes-overwrite {STACK}")
    site.type(f"slipway media pull {STACK} {tmp_path}")
    assert (tmp_path / "moved/one.bin").read_bytes() == b"another one"
