"""`slipway db dump|load`: from command to file and back, with a site on SQLite at the other end of the line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.release.cli.desk import Desk

pytestmark = pytest.mark.whole

SETTINGS = """\
print("settings may say what they want")
SECRET_KEY = "x"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{path}"}}}}
"""


@pytest.fixture
def site(desk: Desk) -> Path:
    """The site's database; ssh runs what the agent would run in the site's sandbox."""
    path = desk.root / "site.sqlite3"
    desk.site(SETTINGS.format(path=path))
    fill(path, rows=3)
    return path


def fill(path: Path, *, rows: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE notes (body)")
        database.executemany("INSERT INTO notes VALUES (?)", [["x" * 1000]] * rows)
    database.close()


def count(path: Path) -> int:
    database = sqlite3.connect(path)
    try:
        return int(database.execute("SELECT count(*) FROM notes").fetchone()[0])
    finally:
        database.close()


def test_a_dump_is_whole_and_its_owners_alone(desk: Desk, site: Path) -> None:
    ended = desk.run("db", "dump", "staging", "a.sqlite3")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "a.sqlite3: 8.2 kB, 1 tables, read through once and whole\n"
    assert count(desk.project / "a.sqlite3") == 3
    assert (desk.project / "a.sqlite3").stat().st_mode & 0o777 == 0o600


def test_a_dump_without_a_name_is_called_by_stack_and_time(desk: Desk, site: Path) -> None:
    assert desk.run("db", "dump", "staging").code == 0
    assert len(list(desk.project.glob("staging-2*.sqlite3"))) == 1


@pytest.mark.parametrize("how", ["exec timeout 0.01", "false", "printf '\\000\\000\\000\\005abc' #", "head -c 9000 #"])
def test_half_a_dump_is_no_file(desk: Desk, site: Path, how: str) -> None:
    desk.line(how)
    before = set(desk.project.iterdir())
    ended = desk.run("db", "dump", "staging", "a.sqlite3")
    assert ended.code == 2
    assert set(desk.project.iterdir()) == before


def test_a_dump_writes_over_nothing(desk: Desk, site: Path) -> None:
    (desk.project / "a").write_text("mine")
    ended = desk.run("db", "dump", "staging", "a")
    assert (ended.code, ended.err) == (2, "a: is there already, name another file or move it away\n")
    assert (desk.project / "a").read_text() == "mine"


def test_a_load_into_a_database_that_holds_something_is_refused(desk: Desk, site: Path) -> None:
    fill(desk.project / "b.sqlite3", rows=5)
    ended = desk.run("db", "load", "staging", "b.sqlite3")
    assert ended.code == 2
    assert ended.err.startswith("staging: its database should be empty (got 1 tables")
    assert "slipway db load staging b.sqlite3 --overwrite staging" in ended.err
    assert count(site) == 3


def test_a_load_that_names_the_stack(desk: Desk, site: Path) -> None:
    fill(desk.project / "b.sqlite3", rows=5)
    ended = desk.run("db", "load", "staging", "b.sqlite3", "--overwrite", "staging")
    assert (ended.code, ended.err) == (0, "")
    assert "staging: " in ended.out
    assert "migrations: could not be told" in ended.out
    assert count(site) == 5


def test_a_load_into_an_empty_one_needs_no_word(desk: Desk, site: Path) -> None:
    site.unlink()
    fill(desk.project / "b.sqlite3", rows=5)
    assert desk.run("db", "load", "staging", "b.sqlite3").code == 0
    assert count(site) == 5


@pytest.mark.parametrize("damage", ["cut", "text", "none"])
def test_a_file_that_is_no_dump_changes_nothing(desk: Desk, site: Path, damage: str) -> None:
    fill(desk.project / "b.sqlite3", rows=50)
    content = (desk.project / "b.sqlite3").read_bytes()
    bad = {"cut": content[:9000], "text": b"CREATE TABLE a (i);\n", "none": b""}[damage]
    (desk.project / "b.sqlite3").write_bytes(bad)
    ended = desk.run("db", "load", "staging", "b.sqlite3", "--overwrite", "staging")
    assert ended.code == 2
    assert "b.sqlite3: " in ended.err
    assert count(site) == 3


def test_a_line_that_breaks_changes_nothing(desk: Desk, site: Path) -> None:
    desk.line("dd bs=1 count=6000 status=none |")
    fill(desk.project / "b.sqlite3", rows=50)
    ended = desk.run("db", "load", "staging", "b.sqlite3", "--overwrite", "staging")
    assert ended.code == 2
    assert "bytes early, try again" in ended.err
    assert count(site) == 3


def test_overwrite_is_the_stacks_name_in_full(desk: Desk, site: Path) -> None:
    fill(desk.project / "b.sqlite3", rows=5)
    ended = desk.run("db", "load", "staging", "b.sqlite3", "--overwrite", "stag")
    assert (ended.code, ended.err) == (2, "--overwrite: should name the stack in full, staging (got 'stag')\n")


def test_an_older_agent_is_told(desk: Desk) -> None:
    desk.answer(stderr="slipway-agent: error: argument verb: invalid choice: 'db' (choose from ...)\n", code=2)
    ended = desk.run("db", "dump", "staging", "a")
    assert ended.code == 2
    assert "its agent is older than this slipway, renew it: pulumi up" in ended.err
