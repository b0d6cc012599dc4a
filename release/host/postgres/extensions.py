"""Extensions, made by the superuser, as many of them have to be; those of other packages are installed first."""

from __future__ import annotations

from collections.abc import Sequence

from ..agent.failure import Failure
from ..agent.machine import Machine
from ..agent.packages import install
from .place import VERSION
from .running import ask, sql

__all__ = ["ensure_extensions"]

PACKAGES = {
    **dict.fromkeys(
        ("postgis", "postgis_raster", "postgis_topology", "postgis_tiger_geocoder"), f"postgresql-{VERSION}-postgis-3"
    ),
    "vector": f"postgresql-{VERSION}-pgvector",
    "rum": f"postgresql-{VERSION}-rum",
    "pg_partman": f"postgresql-{VERSION}-partman",
}


def ensure_extensions(machine: Machine, database: str, wanted: Sequence[str]) -> list[str]:
    """Have each of them in the site's database; those that nobody asks for any more stay, for data hangs on them."""
    if not wanted:
        return []
    there = set(ask(machine, "SELECT extname FROM pg_extension", database=database).split())
    lacking = [name for name in wanted if name not in there]
    for name in lacking:
        _make(machine, database, name)
    return [f"extension {name}" for name in lacking]


def _make(machine: Machine, database: str, name: str) -> None:
    available = f"SELECT 1 FROM pg_available_extensions WHERE name = '{name}'"
    if not ask(machine, available):
        if name not in PACKAGES:
            raise Failure(
                f"extensions: {name} is not one of Postgres {VERSION}'s, nor known to slipway, correct the name"
            )
        install(machine, [PACKAGES[name]])
    sql(machine, f'CREATE EXTENSION IF NOT EXISTS "{name}" CASCADE', database=database)
