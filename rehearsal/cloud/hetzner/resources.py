"""What all resources have in common: found by id, named once, labelled, protected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rehearsal.cloud.hetzner import actions, labels
from rehearsal.cloud.hetzner.calls import Answer, Call
from rehearsal.cloud.hetzner.errors import invalid, not_found, not_unique
from rehearsal.cloud.hetzner.rows import Resource, Tables
from rehearsal.cloud.rows import Json

R = TypeVar("R", bound=Resource)


def find(table: dict[int, R], kind: str, id: Any) -> R:
    """Find a resource or answer 404."""
    number = int(id) if str(id).isdigit() else 0
    if number not in table:
        raise not_found(kind, id)
    return table[number]


def check_name(table: dict[int, Any], kind: str, name: Any, *, but: int | None = None) -> str:
    """Give a name that no other resource of the kind has."""
    if not isinstance(name, str) or not name:
        raise invalid("name", "Missing data for required field.")
    if any(row.name == name and row.id != but for row in table.values()):
        raise not_unique(kind)
    return name


def update(table: dict[int, Any], kind: str, row: Resource, body: Json) -> None:
    """Change name and labels where the request says so."""
    if body.get("name") is not None:
        row.name = check_name(table, kind, body["name"], but=row.id)
    if body.get("labels") is not None:
        row.labels = labels.check(body["labels"])


def change_protection(call: Call, kind: str, choose: Callable[[Tables], Resource]) -> Answer:
    """Allow or forbid the deletion of a resource."""
    with call.change() as tables:
        row = choose(tables)
        action = actions.instantly(tables, "change_protection", (kind, row.id))
        row.delete_protected = bool(call.body.get("delete", row.delete_protected))
        return actions.answer(action)


def common(row: Resource) -> Json:
    """Give the fields that every resource shows."""
    return {"id": row.id, "name": row.name, "created": row.created, "labels": row.labels}
