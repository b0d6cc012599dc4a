"""What changes of one field do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .findings import BREAKS, DESTROYS, LOCKS, UNKNOWN, Finding, Step, column_of

__all__ = ["add_field", "alter_field", "remove_field", "rename_field"]

INTEGERS = ("SmallIntegerField", "IntegerField", "BigIntegerField")
SERIALS = ("SmallAutoField", "AutoField", "BigAutoField")
POSITIVES = ("PositiveSmallIntegerField", "PositiveIntegerField", "PositiveBigIntegerField")
VARCHARS = ("CharField", "SlugField", "URLField", "EmailField", "FileField", "FilePathField")


def add_field(step: Step) -> Iterator[Finding]:
    """A new column, or a table between two models."""
    name, field, table = step.operation.name, step.operation.field, step.table
    if field.many_to_many:
        return
    column, given = column_of(name, field), getattr(field, "db_default", None)
    generated = getattr(field, "generated", False)
    if not field.null and not generated and not _has_db_default(field):
        why = f"adds the column {table}.{column}, NOT NULL without db_default: older code cannot insert"
        yield Finding(BREAKS, why, table)
    if generated or (_has_db_default(field) and hasattr(given, "get_source_expressions")):
        yield Finding(LOCKS, f"computes {table}.{column} for every row, and all wait for it", table)
    if field.unique or field.db_index:
        yield Finding(LOCKS, f"builds an index on {table}.{column}, and all wait for it", table)


def remove_field(step: Step) -> Iterator[Finding]:
    """A column and what is in it."""
    field, table = step.field(), step.table
    if field.many_to_many:
        own = str(field.db_table or f"{table}_{step.operation.name}")
        if _has_own_table(field):
            yield Finding(DESTROYS, f"drops the table {own}", own)
        return
    column = f"{table}.{column_of(step.operation.name, field)}"
    yield Finding(DESTROYS, f"drops the column {column}", column)


def rename_field(step: Step) -> Iterator[Finding]:
    """Another name, of a column too unless it has one of its own."""
    old, new, table = step.operation.old_name, step.operation.new_name, step.table
    fields = step.model(step.operation.model_name).fields
    yield from _renamed_column(table, column_of(old, fields[old]), column_of(new, fields[old]))


def _renamed_column(table: str, old: str, new: str) -> Iterator[Finding]:
    if old != new:
        yield Finding(BREAKS, f"renames the column {table}.{old} to {new}", f"{table}.{old}")


def alter_field(step: Step) -> Iterator[Finding]:
    """Everything else that can become of a field."""
    old, new, name = step.field(), step.field(after=True), step.operation.name
    if old.many_to_many or new.many_to_many:
        if old.deconstruct()[3].get("through") != new.deconstruct()[3].get("through") or _kind(old) != _kind(new):
            yield Finding(UNKNOWN, f"changes what {step.table}.{name} is related through")
        return
    table, column = step.table, column_of(name, old)
    yield from _renamed_column(table, column, column_of(name, new))
    where = f"{table}.{column}"
    if old.null and not new.null:
        yield Finding(BREAKS, f"makes {where} NOT NULL, and older code may write NULL", where)
        yield Finding(LOCKS, f"reads all of {table} for that, and all wait for it", table)
    if _has_db_default(old) and not _has_db_default(new) and not new.null:
        yield Finding(BREAKS, f"takes away the database's default of {where}, which older code counts on", where)
    if new.unique and not old.unique:
        yield Finding(BREAKS, f"refuses values of {where} that are there twice, which older code may write", where)
    if (new.unique or new.db_index) and not (old.unique or old.db_index):
        yield Finding(LOCKS, f"builds an index on {where}, and writes wait for it", table)
    yield from _retyped(old, new, table=table, where=where)


def _retyped(old: Any, new: Any, *, table: str, where: str) -> Iterator[Finding]:
    kinds, sizes = (_kind(old), _kind(new)), (old.max_length or 0, new.max_length or 0)
    if old.remote_field or new.remote_field:
        if kinds != ("relation", "relation") or _points_at(old) != _points_at(new):
            yield Finding(BREAKS, f"changes what {where} points at", where)
        return
    if kinds[0] == kinds[1]:
        if sizes[1] and (not sizes[0] or sizes[1] < sizes[0]):
            yield Finding(BREAKS, f"shortens {where} to {sizes[1]}, and older code may write more", where)
        elif kinds[0] == "DecimalField" and _digits(old) != _digits(new):
            yield Finding(LOCKS, f"rewrites {table} for another precision of {where}, and all wait for it", table)
        return
    if any(_grows(kinds, family) for family in (INTEGERS, SERIALS, POSITIVES)):
        yield Finding(LOCKS, f"rewrites {table} for a larger {where}, and all wait for it", table)
    elif kinds[1] != "TextField" or kinds[0] not in VARCHARS:
        yield Finding(BREAKS, f"changes the type of {where} from {kinds[0]} to {kinds[1]}", where)
        yield Finding(LOCKS, f"rewrites {table} for that, and all wait for it", table)


def _kind(field: Any) -> str:
    if field.remote_field:
        return "many to many" if field.many_to_many else "relation"
    kind = str(field.get_internal_type())
    return "CharField" if kind in VARCHARS else kind


def _points_at(field: Any) -> tuple[str, str]:
    to = field.remote_field.model
    named = to if isinstance(to, str) else to._meta.label
    return named.lower(), str(field.deconstruct()[3].get("to_field") or "")


def _digits(field: Any) -> tuple[Any, Any]:
    return field.max_digits, field.decimal_places


def _grows(kinds: tuple[str, str], family: tuple[str, ...]) -> bool:
    return all(kind in family for kind in kinds) and family.index(kinds[0]) < family.index(kinds[1])


def _has_db_default(field: Any) -> bool:
    return bool(getattr(field, "has_db_default", lambda: _old_db_default(field))())


def _old_db_default(field: Any) -> bool:
    """Before Django 5.2 a field did not say it itself; before 5.0 there was none."""
    given = getattr(field, "db_default", None)
    return given is not None and getattr(given, "__name__", "") != "NOT_PROVIDED"


def _has_own_table(field: Any) -> bool:
    """Whether the table between was made for the field; a model of the project's own is dropped by name."""
    through = field.remote_field.through
    return through is None or bool(getattr(getattr(through, "_meta", None), "auto_created", False))
