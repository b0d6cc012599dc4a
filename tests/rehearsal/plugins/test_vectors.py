"""The tables against what the official plugins answered, recorded in ../shared/contract (skipped without it)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from rehearsal.plugins import answers, check, diff, state
from rehearsal.plugins.digitalocean.functions import FUNCTIONS
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.wire import UNKNOWN, Secret, decode, plain
from tests.rehearsal.plugins.test_random_tls import CALL
from tests.rehearsal.plugins.vectors import (
    CONTRACT,
    EXAMPLES,
    NOT_OFFERED,
    SEED,
    TABLES,
    contract,
    from_wire,
    recorded,
)

# Refused by name: outputs that are files.
LEFT_OUT = {"command:local:Command": {"archivePaths", "assetPaths"}, "command:remote:Command": set()}

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="../shared/contract/plugins is not on this computer")


def _pairs() -> Iterator[Any]:
    for plugin, table in TABLES.items():
        for token, rules in table.items():
            yield pytest.param(plugin, token, rules, id=token)


def _vectors(key: str = "checked") -> Iterator[Any]:
    for plugin, table in TABLES.items():
        for token, rules in table.items():
            for number, vector in enumerate(recorded(plugin, token)):
                if key in vector:
                    yield pytest.param(rules, vector, id=f"{token}-{number}")


def _checked(rules: Resource, vector: Any) -> Any:
    inputs = from_wire(vector["inputs"])
    assert check.failures(rules, inputs) == {}
    return check.completed(rules, news=inputs, olds={}, logical="My-Res", seed=SEED)


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_check_answers_as_the_official_plugin(rules: Resource, vector: Any) -> None:
    assert _checked(rules, vector) == from_wire(vector["checked"])


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_preview_answers_as_the_official_plugin(rules: Resource, vector: Any) -> None:
    checked = _checked(rules, vector)
    previewed = state.covered(rules, state.previewed(rules, checked), checked)
    known = {k: v for k, v in previewed.items() if v is not None and v is not UNKNOWN and v != Secret(UNKNOWN)}
    assert _in_order(rules, known) == _in_order(rules, from_wire(vector["preview"]["known"]))
    unknown = [name for name, value in previewed.items() if value in (UNKNOWN, Secret(UNKNOWN))]
    assert sorted(unknown) == vector["preview"]["unknown"]
    assert sorted(name for name, value in previewed.items() if value is None) == vector["preview"]["null"]


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_what_was_just_made_differs_in_nothing(rules: Resource, vector: Any) -> None:
    checked = _checked(rules, vector)
    found = diff.difference(rules, state=state.planned(rules, checked), old_inputs=checked, inputs=checked)
    assert (found.properties, found.replaces) == ((), ())


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
def test_the_table_names_the_same_inputs_and_outputs(plugin: str, token: str, rules: Resource) -> None:
    entry = contract(plugin)["resources"][token]
    assert set(rules.inputs) == set(entry["inputProperties"]) - LEFT_OUT.get(token, set())
    told = set(entry["properties"]) - {"assets", "archive"} - LEFT_OUT.get(token, set())
    assert set(rules.inputs) | set(rules.outputs) == told
    assert {name for name, rule in rules.inputs.items() if rule.required} == set(entry["requiredInputs"])


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
def test_the_table_replaces_and_hides_the_same(plugin: str, token: str, rules: Resource) -> None:
    entry = contract(plugin)["resources"][token]
    replaces = {name for name, rule in rules.inputs.items() if rule.replaces}
    assert replaces == set(entry["forceNew"]) | ({"ipv6"} if token.endswith(":Droplet") else set())
    secret = set(rules.secrets) | {name for name, rule in rules.inputs.items() if rule.secret}
    assert secret == set(entry["secretOutputs"])
    assert rules.named_means_delete_first == entry.get("deleteBeforeReplaceWhenNamed", False)
    assert rules.automatic_name == ("autoName" in entry)


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
def test_the_table_has_the_same_defaults(plugin: str, token: str, rules: Resource) -> None:
    entry = contract(plugin)["resources"][token]
    assert {name for name, rule in rules.inputs.items() if rule.computed} == set(entry.get("computedInputs", []))
    told = {k: v for k, v in entry["defaults"].items() if k in rules.outputs}
    assert dict(_defaults(rules.inputs)) | told == {k: v for k, v in entry["defaults"].items() if v != ""}
    assert {**state.previewed(rules, {}), **told} == state.previewed(rules, {})


def _defaults(inputs: Mapping[str, Input], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, rule in inputs.items():
        if rule.default is not None:
            yield f"{at}{name}", rule.default
        # a list of blocks, or a block that the bridge flattens from one
        one = "[]." if rule.kind == "blocks" or (at == "" and name == "versioning") else "."
        yield from _defaults(rule.fields, f"{at}{name}{one}")


def test_the_functions_are_those_of_thecontract() -> None:
    assert set(FUNCTIONS) == set(contract("digitalocean")["functions"])


def test_nothing_recorded_is_skipped_in_silence() -> None:
    """Every recorded resource has a table that is held to it, or a reason why not; nothing has both."""
    known = {token for table in TABLES.values() for token in table}
    assert {token for plugin in TABLES for token in contract(plugin)["resources"]} == known | set(NOT_OFFERED)
    assert known & set(NOT_OFFERED) == set()
    held = sum(len(recorded(plugin, token)) for plugin, table in TABLES.items() for token in table)
    assert len(list(_vectors())) == len(list(_vectors("preview"))) == held


def _in_order(rules: Resource, values: Any) -> Any:
    """Blocks whose order means nothing, in one order."""
    free = {name for name, rule in rules.inputs.items() if rule.unordered}
    written = partial(json.dumps, sort_keys=True, default=str)
    return {name: sorted(value, key=written) if name in free else value for name, value in values.items()}


def _verbs(rules: Resource) -> Any:
    from rehearsal.plugins import command, random

    found: Mapping[str, Any] = {**command.VERBS, **random.VERBS}
    return next(found[token] for table in TABLES.values() for token, known in table.items() if known is rules)


@pytest.mark.parametrize(("rules", "vector"), list(_vectors("created")))
def test_create_answers_as_the_official_plugin(rules: Resource, vector: Any) -> None:
    """The same members, the same secrets; the same values, but for those that are drawn."""
    checked = _checked(rules, vector)
    id, facts = _verbs(rules).create(CALL, state.asked(rules, checked))
    made, official = decode(answers.kept(rules, id, facts, checked)), from_wire(vector["created"]["properties"])
    drawn = {"id", *rules.outputs} - {"stdout", "stderr"}
    assert {name: type(value) for name, value in made.items()} == {name: type(v) for name, v in official.items()}
    assert {k: v for k, v in made.items() if k not in drawn} == {k: v for k, v in official.items() if k not in drawn}


def _changed(rule: Input, value: Any) -> Any:
    """Give another value of the same kind."""
    if rule.kind in ("integer", "number"):
        return int(value or 0) + 1
    if rule.kind == "flag":
        return not value
    if rule.kind in ("list", "set"):
        return [*(value or ()), "another"]
    if rule.kind == "map":
        return {**(value or {}), "another": "1"}
    if rule.kind == "anything":
        return ["another"]
    if rule.kind == "blocks":
        return [*(value or ()), {name: _changed(sub, None) for name, sub in rule.fields.items()}]
    if rule.kind == "block":
        return {name: _changed(sub, (value or {}).get(name)) for name, sub in rule.fields.items()}
    return f"{value or ''}another"


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
@pytest.mark.parametrize("named", [True, False])
def test_a_change_replaces_as_in_the_official_plugin(plugin: str, token: str, rules: Resource, named: bool) -> None:
    """Every input that replaces does so by itself, no other does; a name given by hand means delete first."""
    entry, vectors = contract(plugin)["resources"][token], recorded(plugin, token)
    inputs = _checked(rules, vectors[-1]) if vectors else EXAMPLES.get(token, {})
    if named and rules.automatic_name:
        inputs = {**inputs, "name": "by-hand"}
    if named and check.DEFAULTS in inputs:
        inputs = {**inputs, check.DEFAULTS: [default for default in inputs[check.DEFAULTS] if default != "name"]}
    made = vectors[-1]["created"]["properties"] if vectors and "created" in vectors[-1] else {}
    held = {**plain(state.planned(rules, inputs)), **plain(from_wire(made))}
    for name, rule in rules.inputs.items():
        changed = {**copy.deepcopy(inputs), name: _changed(rule, plain(inputs).get(name, held.get(name)))}
        found = diff.difference(rules, state=held, old_inputs=inputs, inputs=changed)
        replaces = name in entry["forceNew"] or (name, plain(changed)[name]) == ("ipv6", False)
        changes = {"numeric", "number"} if name in ("numeric", "number") else {name}  # two names of one input
        assert name in found.properties
        assert (set(found.properties) - changes, set(found.replaces)) == (
            set(),
            set(found.properties) if replaces else set(),
        )
        by_hand = "name" in changed and "name" not in changed.get(check.DEFAULTS, ())
        assert found.delete_first == (replaces and by_hand and bool(entry.get("deleteBeforeReplaceWhenNamed"))), name


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_a_wrong_vector_is_seen(rules: Resource, vector: Any) -> None:
    """Planted: a checked input that is another, one more default, a known that is unknown."""
    checked, wrong = _checked(rules, vector), copy.deepcopy(vector)
    wrong["checked"]["planted"] = True
    assert checked != from_wire(wrong["checked"])
    for name in vector["checked"]:
        assert checked != from_wire({k: v for k, v in vector["checked"].items() if k != name}), name
    with pytest.raises(AssertionError):
        test_check_answers_as_the_official_plugin(rules, wrong)
    known = next(iter(vector["preview"]["known"]), None)
    wrong["preview"]["unknown"].append(known or "planted")
    with pytest.raises(AssertionError):
        test_preview_answers_as_the_official_plugin(rules, wrong)
