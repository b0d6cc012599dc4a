"""A release that has served here before: of its preflight only the database can have changed, and it alone is asked.

An id stands for an artifact and its whole configuration. So what a preflight finds in the code and its settings is what
it found then; that they still run is the gate's to say, which also has Django itself look for pending migrations.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import schema
from .database import psql
from .document import Document
from .machine import Machine
from .site import Site
from .state import load

__all__ = ["recall"]

APPLIED = """SELECT app || '.' || name || ' ' ||
    to_char(applied AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') FROM django_migrations"""


def recall(site: Site, machine: Machine, document: Document, *, mode: str) -> dict[str, Any] | None:
    """What a preflight would find; None where the project's own Django has to be asked."""
    noted = schema.noted(site, document.release)
    if not document.database or document.release not in load(site).history or not noted.get("applied"):
        return None
    asked = psql(site, machine, document.database, sql=APPLIED, mode=mode)
    rows = [line.strip().rpartition(" ") for line in asked.out.splitlines() if line.strip()]
    applied = {name: at for name, _, at in rows}
    if asked.code or not _goes_on(noted, applied):
        return None
    return {**noted, "applied": applied, "plan": []}


def _goes_on(noted: Mapping[str, Any], applied: Mapping[str, str]) -> bool:
    """Whether this is the table Django was asked for, by its rows' times, and lacks nothing the release needs."""
    same = all(name in applied and _same(applied[name], at) for name, at in noted["applied"].items())
    return same and set(noted.get("plan", ())) <= set(applied)


def _same(one: str, other: str) -> bool:
    """The same moment; one without a zone is none."""
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except ValueError:
        return False
