"""What the project's own models use and none of its migrations makes: a release would fail at the first row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

__all__ = ["refuse_unmade"]

TOLD = 6  # tables and columns that a refusal names


def refuse_unmade(loader: Any) -> None:
    """Raise when there are any, named; apps of packages and apps without migrations are nobody's to mend here."""
    from django.apps import apps  # type: ignore[import-not-found,unused-ignore]

    state, found = loader.project_state(), {}
    for app in apps.get_app_configs():
        if app.label in loader.migrated_apps and "site-packages" not in PurePath(app.path).parts:
            found[app.label] = [each for model in app.get_models() for each in unmade(model, state=state)]
    names = [each for several in found.values() for each in several]
    if names:
        more = f" and {len(names) - TOLD} more" if names[TOLD:] else ""
        command = " ".join(["makemigrations", *(label for label, several in found.items() if several)])
        rule = "migrations: should make every table and column that the models use"
        raise RuntimeError(f"{rule} (got none that makes {', '.join(names[:TOLD])}{more}), run {command}")


def unmade(model: Any, *, state: Any) -> Iterator[str]:
    """A model's table or its columns, as far as no migration knows of them; those are in `state`."""
    meta = model._meta
    if not meta.managed or meta.proxy:
        return
    made = state.models.get((meta.app_label, meta.model_name))
    if made is None:
        yield meta.db_table
        return
    of_its_own = [field for field in meta.local_concrete_fields if field.name != "_order"]  # an option makes that one
    yield from (f"{meta.db_table}.{field.column}" for field in of_its_own if field.name not in made.fields)
    yield from (field.m2m_db_table() for field in meta.local_many_to_many if field.name not in made.fields)
