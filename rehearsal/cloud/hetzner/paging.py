"""Lists: filtered, sorted and cut into pages as every list of this API is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from rehearsal.cloud.hetzner import labels
from rehearsal.cloud.hetzner.calls import Answer, Call
from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.rows import Json

DEFAULT_SIZE, LARGEST_SIZE = 25, 50


class Labelled(Protocol):
    """What a list chooses by."""

    name: str
    labels: dict[str, str]


R = TypeVar("R", bound=Labelled)


def listing(call: Call, name: str, rows: Iterable[R], render: Callable[[R], Json]) -> Answer:
    """Give one page of resources: those of a `name`, and those that a `label_selector` chooses."""
    wanted, selector = call.query.get("name"), call.query.get("label_selector")
    found = [row for row in rows if wanted in (None, row.name)]
    if selector:
        found = [row for row in found if labels.matches(selector, row.labels)]
    return page(call, name, map(render, found))


def page(call: Call, name: str, items: Iterable[Json]) -> Answer:
    """Give one page of a list, in the order asked for, and say where it lies among the others."""
    rows = sort(list(items), call.query.getlist("sort"))
    number, size = _number(call.query, "page", 1), min(_number(call.query, "per_page", DEFAULT_SIZE), LARGEST_SIZE)
    last = max(1, -(-len(rows) // size))
    pagination = {
        "page": number,
        "per_page": size,
        "previous_page": number - 1 if number > 1 else None,
        "next_page": number + 1 if number < last else None,
        "last_page": last,
        "total_entries": len(rows),
    }
    return 200, {name: rows[(number - 1) * size : number * size], "meta": {"pagination": pagination}}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if text and not (text.isdigit() and int(text)):
        raise invalid(name, "must be a number of 1 or more")
    return int(text) if text else default


def sort(rows: list[Json], wanted: list[str]) -> list[Json]:
    """Sort by one field after the other, `name` or `name:desc`; the first counts most."""
    for field, _, order in (text.partition(":") for text in reversed(wanted)):
        if order not in ("", "asc", "desc") or any(field not in row for row in rows):
            raise invalid("sort", f"cannot sort by {field}:{order}")
        rows = sorted(rows, key=lambda row, field=field: _key(row[field]), reverse=order == "desc")  # type: ignore[misc]
    return rows


def _key(value: Any) -> Any:
    return (value is not None, value if value is not None else "")
