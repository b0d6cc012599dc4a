"""Refresh and import: what the cloud says now, as a state and as the inputs that would have made it."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins import diff
from rehearsal.plugins.check import DEFAULTS
from rehearsal.plugins.rules import Resource
from rehearsal.plugins.state import planned
from rehearsal.plugins.wire import Secret, Values, has_secret


def refreshed(resource: Resource, held: Values, facts: Values) -> Values:
    """The state after a read: the cloud's facts, in the order the state had them where order means nothing."""
    kept = {name: held[name] for name in facts if _reordered(resource, name, held.get(name), facts[name])}
    return {**held, **facts, **kept}


def inputs_after_read(resource: Resource, inputs: Values, state: Values) -> Values:
    """The inputs that would have made this state: those given before where they still hold, else the cloud's."""
    if not inputs:
        return _imported(resource, state)
    changed = diff.changed_properties(resource, wanted=planned(resource, inputs), held=state)
    told = {name: _as_secret_as(inputs[name], state.get(name)) for name in changed if name in inputs}
    return {
        name: _unmarked(v) for name, v in {**inputs, **told}.items() if v is not None and (name, v) != (DEFAULTS, [])
    }


def _unmarked(value: Any) -> Any:
    """Without the marks that say of a part that nothing in it was filled in: a read does not write them."""
    if isinstance(value, Secret):
        return Secret(_unmarked(value.value))
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _unmarked(child) for name, child in value.items() if (name, child) != (DEFAULTS, [])}


def _as_secret_as(before: Any, value: Any) -> Any:
    return Secret(value) if value is not None and has_secret(before) else value


def _imported(resource: Resource, state: Values) -> Values:
    found = {name: state.get(name) for name, rule in resource.inputs.items() if not rule.computed}
    told = {name: value for name, value in found.items() if value not in (None, "", [], {}, False)}
    return {**told, DEFAULTS: []} if resource.framework == "sdk-v2" else told


def _reordered(resource: Resource, name: str, held: Any, told: Any) -> bool:
    rule = resource.inputs.get(name)
    if rule is None or not held or not told or not (rule.kind == "set" or rule.unordered):
        return False
    return diff.same(rule, told, held, {})
