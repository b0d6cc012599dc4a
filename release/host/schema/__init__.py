"""What pending migrations do to a database that a release still serves from.

Delivered within the agent's file and run in the site's sandbox, with the site's own Django, which plans them. Whether
what is found breaks a release is judged by the agent, which knows each release's own tables and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .fields import add_field, alter_field, remove_field, rename_field
from .findings import BREAKS, DESTROYS, LOCKS, UNKNOWN, Finding, Step, table_of
from .statements import statements
from .unmade import refuse_unmade

__all__ = ["Finding", "classified", "refuse_unmade", "used"]


def classified(plan: Any, *, state: Any) -> dict[str, list[Finding]]:
    """Every migration's findings, in the plan's order; `state` is the models as the database has them."""
    found: dict[str, list[Finding]] = {}
    new: set[str] = set()  # tables of the plan itself: nobody uses them yet, whatever is done to them
    for migration in plan:
        seen: list[Finding] = []
        for operation in migration.operations:
            step = _step(migration.app_label, operation, state)
            seen += _walked(step, new)
            state = step.after
        found[str(migration)] = [each for each in seen if each.touches.split(".")[0] not in new]
    return found


def used() -> dict[str, list[str]]:
    """The tables and columns of the project's models; a proxy has none of its own, and two models may share a table."""
    from django.apps import apps  # type: ignore[import-not-found,unused-ignore]

    found: dict[str, list[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        columns = [field.column for field in model._meta.local_concrete_fields]
        found[model._meta.db_table] = [*found.get(model._meta.db_table, ()), *columns]
    return found


def _step(app: str, operation: Any, state: Any) -> Step:
    after = state.clone()
    operation.state_forwards(app, after)
    return Step(app, operation, state, after)


def _walked(step: Step, new: set[str]) -> Iterator[Finding]:
    """The findings of an operation, or of those that one stands for; `new` is added to."""
    name, state = _known_name(step.operation), step.before
    if name == "SeparateDatabaseAndState":
        for inner in step.operation.database_operations:
            inside = _step(step.app, inner, state)
            yield from _walked(inside, new)
            state = inside.after
        return
    yield from _findings(step)
    if name == "CreateModel":
        new.add(table_of(step.model(step.operation.name, after=True)))
    if name == "RenameModel" and table_of(step.model(step.operation.old_name)) in new:
        new.add(table_of(step.model(step.operation.new_name, after=True)))


def _findings(step: Step) -> Iterator[Finding]:
    name = _known_name(step.operation)
    if name in HARMLESS or not _managed(step):
        return
    if name in RULES:
        yield from RULES[name](step)
    else:
        yield Finding(UNKNOWN, f"{type(step.operation).__name__} is not one of Django's own operations")


def _known_name(operation: Any) -> str:
    """The operation of Django's that this one is, also when a subclass leaves what it does as it was."""
    kind: Any = type(operation)
    does = kind.database_forwards
    for each in kind.__mro__:
        if each.__module__.startswith("django.") and getattr(each, "database_forwards", None) is does:
            return str(each.__name__)
    return ""


def _managed(step: Step) -> bool:
    name = getattr(step.operation, "model_name", None) or getattr(step.operation, "name", None)
    model = isinstance(name, str) and step.before.models.get((step.app, name.lower()))
    return not model or (model.options.get("managed", True) and not model.options.get("proxy"))


def _delete_model(step: Step) -> Iterator[Finding]:
    table = table_of(step.model(step.operation.name))
    yield Finding(DESTROYS, f"drops the table {table}", table)


def _rename_model(step: Step) -> Iterator[Finding]:
    old, new = step.model(step.operation.old_name), step.model(step.operation.new_name, after=True)
    yield from _renamed_table(table_of(old), table_of(new))


def _alter_table(step: Step) -> Iterator[Finding]:
    name = step.operation.name
    yield from _renamed_table(table_of(step.model(name)), table_of(step.model(name, after=True)))


def _renamed_table(old: str, new: str) -> Iterator[Finding]:
    if old != new:
        yield Finding(BREAKS, f"renames the table {old} to {new}", old)


def _add_index(step: Step) -> Iterator[Finding]:
    yield Finding(LOCKS, f"builds an index on {step.table}, and writes wait for it", step.table)


def _add_constraint(step: Step) -> Iterator[Finding]:
    name, table = step.operation.constraint.name, step.table
    yield Finding(BREAKS, f"refuses rows of {table} by {name}, which older code does not know of", table)
    yield Finding(LOCKS, f"reads all of {table} for that, and all wait for it", table)


def _together(step: Step) -> Iterator[Finding]:
    name, option = step.operation.name, step.operation.option_name
    sets = [set(map(tuple, step.model(name, after=late).options.get(option) or ())) for late in (False, True)]
    table, more = table_of(step.model(name)), sets[1] - sets[0]
    if more and option == "unique_together":
        yield Finding(BREAKS, f"refuses rows of {table} that are alike in {', '.join(sorted(more)[0])}", table)
    if more:
        yield Finding(LOCKS, f"builds an index on {table}, and writes wait for it", table)


def _order(step: Step) -> Iterator[Finding]:
    table = table_of(step.model(step.operation.name))
    if step.operation.order_with_respect_to:
        yield Finding(BREAKS, f"adds the column {table}._order, NOT NULL: older code cannot insert", table)
    else:
        yield Finding(DESTROYS, f"drops the column {table}._order", f"{table}._order")


def _run_python(step: Step) -> Iterator[Finding]:
    if getattr(step.operation.code, "__qualname__", "") != "RunPython.noop":
        yield Finding(UNKNOWN, f"runs {getattr(step.operation.code, '__name__', 'code')}()")


def _run_sql(step: Step) -> Iterator[Finding]:
    yield from statements(step.operation.sql)


RULES: dict[str, Callable[[Step], Iterator[Finding]]] = {
    "DeleteModel": _delete_model,
    "RenameModel": _rename_model,
    "AlterModelTable": _alter_table,
    "AddField": add_field,
    "RemoveField": remove_field,
    "RenameField": rename_field,
    "AlterField": alter_field,
    "AddIndex": _add_index,
    "AddConstraint": _add_constraint,
    "AddConstraintNotValid": _add_constraint,
    "AlterUniqueTogether": _together,
    "AlterIndexTogether": _together,
    "AlterOrderWithRespectTo": _order,
    "RunPython": _run_python,
    "RunSQL": _run_sql,
}
HARMLESS = frozenset(
    {
        *("CreateModel", "AlterModelOptions", "AlterModelManagers", "AlterModelTableComment", "AlterConstraint"),
        *("RemoveIndex", "RenameIndex", "AddIndexConcurrently", "RemoveIndexConcurrently"),
        *("RemoveConstraint", "ValidateConstraint", "CreateExtension", "CreateCollation"),
        # a subclass that does its own thing first, and then makes the extension
        *("BloomExtension", "BtreeGinExtension", "BtreeGistExtension", "CITextExtension", "CryptoExtension"),
        *("HStoreExtension", "TrigramExtension", "UnaccentExtension"),
    }
)
