"""Which database the site uses, as its own settings say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .failure import Failure

__all__ = ["Postgres", "Sqlite", "of_the_site", "placed"]

# What libpq reads from the environment: a password in argv could be read by everybody on the machine.
OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "service", "options")


@dataclass(frozen=True)
class Postgres:
    """A database that libpq's tools find by these variables."""

    env: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Sqlite:
    """A database file."""

    path: Path


def of_the_site() -> Postgres | Sqlite:
    """The default database of the release that runs."""
    from django.conf import settings  # type: ignore[import-not-found,unused-ignore]

    return placed(settings.DATABASES.get("default") or {})


def placed(default: Mapping[str, Any]) -> Postgres | Sqlite:
    """Read one entry of DATABASES; the flavour of a backend (pools, GIS) does not matter."""
    engine = str(default.get("ENGINE", "none"))
    if "sqlite" in engine or "spatialite" in engine:
        return Sqlite(Path(default["NAME"]))
    if "postg" not in engine:
        raise Failure(f"DATABASES: should be Postgres or SQLite for this (got {engine}), use its own tools")
    named = {"PGHOST": "HOST", "PGPORT": "PORT", "PGDATABASE": "NAME", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    env = {name: str(default[key]) for name, key in named.items() if default.get(key)}
    options = default.get("OPTIONS") or {}
    return Postgres({**env, **{f"PG{key.upper()}": str(options[key]) for key in OPTIONS if options.get(key)}})
