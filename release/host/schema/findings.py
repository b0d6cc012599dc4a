"""What an operation does, in words, and to what; the models before and after it."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["ADDS", "BREAKS", "DESTROYS", "LOCKS", "UNKNOWN", "Finding", "Step", "column_of", "table_of"]

ADDS, LOCKS, BREAKS, DESTROYS, UNKNOWN = "adds", "locks", "breaks", "destroys", "cannot tell"


class Finding(NamedTuple):
    """`touches` is a table or table.column; whoever does not use it is not broken."""

    kind: str
    why: str
    touches: str = ""


class Step(NamedTuple):
    """An operation of an app's migration, and the models before and after it."""

    app: str
    operation: Any
    before: Any
    after: Any

    def model(self, name: str, *, after: bool = False) -> Any:
        """A model of the app by its name."""
        return (self.after if after else self.before).models[self.app, name.lower()]

    def field(self, *, after: bool = False) -> Any:
        """The field the operation is about."""
        return self.model(self.operation.model_name, after=after).fields.get(self.operation.name)

    @property
    def table(self) -> str:
        """The table of the model the operation is about."""
        return table_of(self.model(self.operation.model_name))


def table_of(model: Any) -> str:
    """A model's table, as Django names it."""
    from django.db import connection  # type: ignore[import-not-found,unused-ignore]
    from django.db.backends.utils import truncate_name  # type: ignore[import-not-found,unused-ignore]

    made = f"{model.app_label}_{model.name_lower}"
    return str(model.options.get("db_table") or truncate_name(made, connection.ops.max_name_length()))


def column_of(name: str, field: Any) -> str:
    """A field's column, also where the field is not bound to a model."""
    own = field.clone()
    own.set_attributes_from_name(name)
    return str(own.column)
