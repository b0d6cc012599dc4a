"""What the state will hold: the planned form of inputs, what preview answers, what secrets cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.check import DEFAULTS
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.wire import UNKNOWN, Secret, Values, has_secret, plain


def planned(resource: Resource, inputs: Values, *, preview: bool = False) -> Values:
    """The state's form of checked inputs; in `preview`, what the cloud fills in below them is unknown."""
    keep_nulls = resource.framework == "sdk-v2"
    return _planned(resource.inputs, plain(inputs), keep_nulls=keep_nulls, preview=preview)


def asked(resource: Resource, inputs: Values) -> Values:
    """The inputs as a call to the cloud needs them: defaults filled in, numbers as numbers, secrets opened."""
    opened = plain(inputs)
    given = {name: _asked(rule, opened[name]) for name, rule in resource.inputs.items() if opened.get(name) is not None}
    return {name: rule.default for name, rule in resource.inputs.items() if rule.default is not None} | given


def previewed(resource: Resource, inputs: Values) -> Values:
    """The state of a resource that is only about to be made: what the cloud will tell is unknown."""
    told = (*resource.outputs, *(["id"] if resource.id_in_state else []))
    computed = [name for name, rule in resource.inputs.items() if rule.computed]
    will = planned(resource, inputs, preview=True)
    return dict.fromkeys([*told, *computed], UNKNOWN) | will | resource.foretold(will)


def previewed_update(resource: Resource, held: Values, inputs: Values) -> Values:
    """The state of a resource that is about to change; what a native one told may change with any input it has."""
    wanted = planned(resource, inputs, preview=True)
    will = {**held, **wanted, **resource.foretold(wanted)}
    if resource.framework != "native":
        return will
    given = plain(inputs)
    changed = [name for name in resource.inputs if name in held and given.get(name) != held[name]]
    if changed or UNKNOWN in given.values():
        return will | dict.fromkeys(resource.outputs, UNKNOWN)
    return will


def covered(resource: Resource, state: Values, inputs: Values) -> Values:
    """The state with secrets marked: those the provider knows, and those the program made of its inputs."""
    return {name: _covered(resource, name, value, inputs.get(name)) for name, value in state.items()}


def number(value: Any) -> Any:
    """A numeric text as a number; anything else as it is."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def _covered(resource: Resource, name: str, value: Any, given: Any) -> Any:
    if value is None or (value is UNKNOWN and name not in resource.secrets):
        return value
    if has_secret(given):
        return given if plain(given) == value else Secret(value)
    return Secret(value) if name in resource.secrets else value


def _planned(inputs: Mapping[str, Input], values: Values, *, keep_nulls: bool, preview: bool) -> Values:
    state: Values = {}
    for name, rule in inputs.items():
        if values.get(name) is not None:
            state[name] = _form(rule, values[name], keep_nulls=keep_nulls, preview=preview)
        elif rule.default is not None:
            state[name] = rule.default
        elif rule.empty is not None or (keep_nulls and not rule.computed):
            state[name] = rule.empty
    return state


def _form(rule: Input, value: Any, *, keep_nulls: bool, preview: bool) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    if rule.kind == "blocks":
        return [_form_block(rule, item, keep_nulls=keep_nulls, preview=preview) for item in value]
    if rule.kind == "block":
        return _form_block(rule, value, keep_nulls=keep_nulls, preview=preview)
    return rule.state_form(_coerced(rule, value))


def _form_block(rule: Input, value: Any, *, keep_nulls: bool, preview: bool) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    formed = _planned(rule.fields, value, keep_nulls=keep_nulls, preview=preview)
    if preview:
        formed.update({name: UNKNOWN for name, sub in rule.fields.items() if sub.computed and name not in formed})
    return formed


def _asked(rule: Input, value: Any) -> Any:
    if rule.kind == "blocks":
        return [{k: v for k, v in item.items() if k != DEFAULTS} for item in value]
    if rule.kind == "block":
        return {k: v for k, v in value.items() if k != DEFAULTS}
    return _coerced(rule, value)


def _coerced(rule: Input, value: Any) -> Any:
    if rule.kind in ("integer", "number"):
        return number(value)
    if rule.kind != "text" or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
