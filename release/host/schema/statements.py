"""What a statement of SQL that a person wrote does, as far as its first words tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .findings import ADDS, BREAKS, DESTROYS, LOCKS, UNKNOWN, Finding

__all__ = ["statements"]

TABLE = r'(?:if exists )?(?:only )?(?:"?\w+"?\.)?"?(?P<table>\w+)"?'
ALTER = rf"alter table {TABLE} (?:.*,)? ?"
COLUMN = r'(?:column )?(?:if exists )?"?(?P<column>\w+)"?'
# What a statement does, the most dangerous first; the first that is found counts.
STATEMENTS: tuple[tuple[str, str, str], ...] = (
    (rf"drop table {TABLE}", DESTROYS, "drops the table {where}"),
    (rf"{ALTER}drop (?!constraint|default|not null|identity){COLUMN}", DESTROYS, "drops the column {where}"),
    (rf"(?:truncate(?: table)?|delete from) {TABLE}", DESTROYS, "removes rows"),
    (rf"{ALTER}rename to", BREAKS, "renames the table {where}"),
    (rf"{ALTER}rename (?!constraint){COLUMN} to", BREAKS, "renames the column {where}"),
    (rf"{ALTER}alter {COLUMN} (?:set data )?type", BREAKS, "changes the type of {where}"),
    (rf"{ALTER}alter {COLUMN} set not null", BREAKS, "makes {where} NOT NULL"),
    (rf"{ALTER}add (?:constraint \S+ )?(?:unique|check|exclude)", BREAKS, "adds a constraint to {where}"),
    (r"create (?:unique )?index concurrently|drop index concurrently|create extension|comment on", ADDS, ""),
    (rf'create (?:unique )?index .*? ?on {TABLE}', LOCKS, "builds an index on {where}, and writes wait for it"),
    (r"create table|create schema|create sequence|set ", ADDS, ""),
)  # fmt: skip


def statements(given: Any) -> Iterator[Finding]:
    """One finding for each statement of what RunSQL takes: a text, or a list of texts and (text, parameters)."""
    parts = [given] if isinstance(given, str) else given
    for part in parts:
        text = part[0] if isinstance(part, (list, tuple)) else part
        for statement in re.sub(r"--[^\n]*", " ", text).split(";"):
            if words := " ".join(statement.split()):
                yield _told(words)


def _told(text: str) -> Finding:
    for pattern, kind, why in STATEMENTS:
        if found := re.match(pattern, text, re.IGNORECASE):
            parts = found.groupdict()
            where = ".".join(part for name in ("table", "column") if (part := parts.get(name)))
            return Finding(kind, why.format(where=where), "" if why == "removes rows" else where)
    return Finding(UNKNOWN, f"runs {text[:60]}")
