"""Check: what a program said, made complete with names and defaults, or refused."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins import names
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.wire import UNKNOWN, Secret, Values, has_secret, plain

DEFAULTS = "__defaults"  # where an sdk-v2 plugin notes which inputs it filled in itself

_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str, int, float, bool),
    "integer": (int,),
    "number": (int, float),
    "flag": (bool,),
    "list": (list,),
    "set": (list,),
    "blocks": (list,),
    "map": (dict,),
    "block": (dict,),
    "anything": (object,),
}


def failures(resource: Resource, values: Values) -> dict[str, str]:
    """What is wrong with the inputs: property -> reason."""
    found = _failures(resource.inputs, {k: v for k, v in values.items() if k not in (DEFAULTS, "version")})
    opened = plain(values)
    for rule in resource.checks:
        if not found and (reason := rule(opened)):
            found[""] = reason
    return found


def completed(resource: Resource, *, news: Values, olds: Values, logical: str, seed: bytes) -> Values:
    """The inputs with automatic name and defaults, in the form the official plugin would send back."""
    values = {name: value for name, value in news.items() if name != DEFAULTS and value is not None}
    if resource.framework == "plugin-framework":
        return values if "name" in values else {**values, **_automatic_name(resource, olds, logical=logical, seed=seed)}
    if resource.framework == "native":
        return _with_defaults(resource.inputs, values, mark=False)
    filled = _with_defaults(resource.inputs, values, mark=True)
    if "name" in values:
        return filled
    named = _automatic_name(resource, olds, logical=logical, seed=seed)
    return {**filled, **named, DEFAULTS: sorted([*filled[DEFAULTS], *named])}


def named_by_hand(inputs: Values) -> bool:
    """Whether the name in these checked inputs was the program's own."""
    return "name" in inputs and "name" not in plain(inputs).get(DEFAULTS, ["name"])


def _automatic_name(resource: Resource, olds: Values, *, logical: str, seed: bytes) -> Values:
    """The name that was made before, or a new one; who keeps no marks keeps a name given by hand as well."""
    if not resource.automatic_name:
        return {}
    kept = resource.framework == "plugin-framework" or "name" in (plain(olds).get(DEFAULTS) or [])
    before = olds.get("name") if kept else None
    return {"name": before or names.automatic(logical=logical, seed=seed)}


def _with_defaults(inputs: Mapping[str, Input], values: Values, *, mark: bool) -> Values:
    filled = {name: _nested(inputs.get(name), value, mark=mark) for name, value in values.items()}
    added = [name for name, rule in inputs.items() if name not in values and rule.default and rule.default_checked]
    filled.update({name: inputs[name].default for name in added})
    filled.update({name: rule.empty for name, rule in inputs.items() if rule.empty_checked and name not in values})
    for name, value in filled.items():
        rule = inputs.get(name)
        if rule and rule.secret and not isinstance(value, Secret):
            filled[name] = Secret(value)
    return {**filled, DEFAULTS: sorted(added)} if mark else filled


def _nested(rule: Input | None, value: Any, *, mark: bool) -> Any:
    if isinstance(value, Secret):
        return Secret(_nested(rule, value.value, mark=mark))
    if rule and rule.kind == "block" and isinstance(value, dict):
        return _with_defaults(rule.fields, _without_marks(value), mark=mark)
    if rule and rule.kind == "blocks" and isinstance(value, list):
        return [_nested_item(rule, item, mark=mark) for item in value]
    return value


def _nested_item(rule: Input, item: Any, *, mark: bool) -> Any:
    return _with_defaults(rule.fields, _without_marks(item), mark=mark) if isinstance(item, dict) else item


def _without_marks(value: Values) -> Values:
    return {name: child for name, child in value.items() if name != DEFAULTS}


def _failures(inputs: Mapping[str, Input], values: Values, at: str = "") -> dict[str, str]:
    found = {at + name: "is required" for name, rule in inputs.items() if rule.required and values.get(name) is None}
    for name, value in values.items():
        if name == DEFAULTS:
            continue
        if name not in inputs:
            found[at + name] = _unknown_input(name, inputs)
        else:
            found.update(_wrong(inputs[name], value, at + name))
    return found


def _unknown_input(name: str, inputs: Mapping[str, Input]) -> str:
    close = difflib.get_close_matches(name, inputs, n=1)
    return f"is not an input this stand-in knows{f', did you mean {close[0]}?' if close else ''}"


def _wrong(rule: Input, given: Any, at: str) -> dict[str, str]:
    value: Any = given.value if isinstance(given, Secret) else given
    if value is None or value is UNKNOWN or _numeric_text(rule, value):
        return {}
    if not _fits(rule, value):
        return {at: f"should be of type {rule.kind} (got {'a secret' if has_secret(value) else repr(value)})"}
    if rule.kind == "block":
        return _failures(rule.fields, value, f"{at}.")
    if rule.kind != "blocks":
        return {}
    found: dict[str, str] = {}
    for index, item in enumerate(value):
        opened = item.value if isinstance(item, Secret) else item
        if isinstance(opened, dict):
            found.update(_failures(rule.fields, opened, f"{at}[{index}]."))
    return found


def _fits(rule: Input, value: Any) -> bool:
    truth_for_number = isinstance(value, bool) and rule.kind in ("integer", "number")
    return isinstance(value, _TYPES[rule.kind]) and not truth_for_number


def _numeric_text(rule: Input, value: Any) -> bool:
    """The engine's ids are texts: `"42"` is taken where an integer is asked for, as the official plugins do."""
    return rule.kind in ("integer", "number") and isinstance(value, str) and value.lstrip("-").isdigit()
