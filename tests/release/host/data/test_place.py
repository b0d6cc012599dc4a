"""Which database a site uses, read from its settings; what PostgreSQL's tools said, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.host.data.failure import Failure, said
from release.host.data.place import Postgres, Sqlite, placed


def test_a_postgres_is_told_to_its_tools_by_environment() -> None:
    options = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "pool": True}
    default = {"ENGINE": "django.contrib.gis.db.backends.postgis", "HOST": "10.0.0.2", "PORT": "25060", "NAME": "shop"}
    found = placed({**default, "USER": "shop", "PASSWORD": "p w$", "OPTIONS": options})
    assert found == Postgres(
        {
            "PGHOST": "10.0.0.2",
            "PGPORT": "25060",
            "PGDATABASE": "shop",
            "PGUSER": "shop",
            "PGPASSWORD": "p w$",
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": "/etc/ca.pem",
        }
    )
    assert "p w$" not in repr(found)


def test_a_file() -> None:
    assert placed({"ENGINE": "django.db.backends.sqlite3", "NAME": "/a/b.sqlite3"}) == Sqlite(Path("/a/b.sqlite3"))


@pytest.mark.parametrize("default", [{}, {"ENGINE": "django.db.backends.mysql"}])
def test_another_kind_is_refused(default: dict[str, str]) -> None:
    with pytest.raises(Failure, match=r"^DATABASES: should be Postgres or SQLite for this \(got "):
        placed(default)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["psql:<stdin>:17: ERROR:  division by zero", "LINE 1"], "psql: ERROR:  division by zero"),
        (
            ["pg_restore: error: could not read from input file: end of file"],
            "psql: could not read from input file: end of file",
        ),
        (["psql: error: connection to server failed: FATAL:  no"], "psql: connection to server failed: FATAL:  no"),
        ([], "psql: said nothing"),
    ],
)
def test_the_cause_is_told(lines: list[str], told: str) -> None:
    assert said(lines, tool="psql") == told
