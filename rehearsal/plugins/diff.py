"""Diff: what the program wants now against what the state holds, and whether that takes a new resource."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rehearsal.plugins.check import named_by_hand
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.state import planned
from rehearsal.plugins.wire import UNKNOWN, Values, plain

Change = Literal["ADD", "DELETE", "UPDATE"]

_ABSENT: tuple[Any, ...] = (None, "", False, 0)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What changes, by property path, which top-level properties ask for a new resource, and in which order."""

    changes: Mapping[str, Change]
    properties: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_first: bool


def difference(resource: Resource, *, state: Values, old_inputs: Values, inputs: Values) -> Difference:
    """Compare checked inputs with the state (or, as native providers do, with the inputs before)."""
    if resource.framework == "native":
        changes = deltas(plain(old_inputs), plain(inputs))
        return Difference(changes=changes, properties=_tops(changes), replaces=(), delete_first=False)
    wanted, held = planned(resource, inputs), plain(state)
    changed = changed_properties(resource, wanted=wanted, held=held)
    replaces = tuple(name for name in changed if _replaces(resource.inputs[name], held.get(name), wanted[name]))
    told = resource.due({**held, **wanted})
    due: dict[str, Change] = {told: "UPDATE"} if told and told not in changed else {}
    details = [_detail(resource.inputs[name], name, held.get(name), wanted[name]) for name in changed]
    return Difference(
        changes=_merged([*details, due]),
        properties=(*changed, *due),
        replaces=(*replaces, *due),
        delete_first=bool(replaces) and resource.named_means_delete_first and named_by_hand(inputs),
    )


def changed_properties(resource: Resource, *, wanted: Values, held: Values) -> list[str]:
    """The inputs whose planned form the state does not hold."""
    return [name for name in wanted if not same(resource.inputs[name], wanted[name], held.get(name), wanted)]


def same(rule: Input, wanted: Any, held: Any, state: Values) -> bool:
    """Whether the state already holds what is wanted."""
    if wanted is UNKNOWN:
        return False
    if (_empty(wanted) and _empty(held)) or rule.same(wanted, held, state):
        return True
    if rule.kind == "blocks":
        return _same_blocks(rule, wanted, held or [])
    if rule.kind == "block" and isinstance(wanted, dict) and isinstance(held, dict):
        return _same_block(rule, wanted, held)
    if rule.kind == "set" and isinstance(wanted, list) and UNKNOWN not in wanted:
        return same_items(wanted, held or [])
    return False


def deltas(old: Any, new: Any, path: str = "") -> dict[str, Change]:
    """Every place where two values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if not key.startswith("__")]
        return _merged(deltas(old.get(key), new.get(key), _member(path, key)) for key in keys)
    if isinstance(old, list) and isinstance(new, list):
        pairs = [(_at(old, index), _at(new, index)) for index in range(max(len(old), len(new)))]
        return _merged(deltas(was, will, f"{path}[{index}]") for index, (was, will) in enumerate(pairs))
    if old == new and UNKNOWN not in (old, new):
        return {}
    return {path: "ADD" if old is None else "DELETE" if new is None else "UPDATE"}


def same_items(left: list[Any], right: list[Any]) -> bool:
    """Whether two lists hold the same things in whatever order."""
    return sorted(map(_canonical, left)) == sorted(map(_canonical, right))


def _replaces(rule: Input, old: Any, new: Any) -> bool:
    return rule.replaces and (new is UNKNOWN or rule.replaces_when(old, new))


def _detail(rule: Input, name: str, old: Any, new: Any) -> dict[str, Change]:
    if rule.unordered and isinstance(old, list) and isinstance(new, list) and UNKNOWN not in new:
        return _block_deltas(rule, old, new, _member("", name))
    return deltas(old, new, _member("", name)) or {name: "UPDATE"}


def _block_deltas(rule: Input, old: list[Any], new: list[Any], path: str) -> dict[str, Change]:
    """Blocks without an order come and go as a whole, each under its own number."""
    come, gone = _unpaired(rule, new, old)
    changes: dict[str, Change] = {f"{path}[{at}]": "UPDATE" if at in come else "DELETE" for at in gone}
    return changes | {f"{path}[{at}]": "ADD" for at in come if at not in gone}


def _same_blocks(rule: Input, wanted: list[Any], held: list[Any]) -> bool:
    if len(wanted) != len(held) or UNKNOWN in wanted:
        return False
    if not rule.unordered:
        return all(_same_block(rule, one, other) for one, other in zip(wanted, held, strict=True))
    return _unpaired(rule, wanted, held) == ([], [])


def _unpaired(rule: Input, wanted: list[Any], held: list[Any]) -> tuple[list[int], list[int]]:
    """The numbers of wanted blocks that are not held, and of held ones that are not wanted."""
    come, left = [], dict(enumerate(held))
    for at, block in enumerate(wanted):
        found = next((number for number, other in left.items() if _same_block(rule, block, other)), None)
        if found is None:
            come.append(at)
        else:
            del left[found]
    return come, list(left)


def _same_block(rule: Input, wanted: Values, held: Values) -> bool:
    return all(same(rule.fields[name], value, held.get(name), wanted) for name, value in wanted.items())


def _empty(value: Any) -> bool:
    return value in _ABSENT or value == [] or value == {}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, dict | list) else str(value)


def _tops(changes: Mapping[str, Change]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.split(r"[.\[]", path, maxsplit=1)[0] for path in changes))


def _merged(parts: Any) -> dict[str, Change]:
    return {path: kind for part in parts for path, kind in part.items()}


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _member(path: str, key: str) -> str:
    if not re.fullmatch(r"[A-Za-z_$][\w$]*", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
