"""The tables against what the official plugins answered, recorded in ../shared/contract (skipped without it)."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins import check, diff, state
from rehearsal.plugins.command import RESOURCES as COMMAND
from rehearsal.plugins.digitalocean.functions import FUNCTIONS
from rehearsal.plugins.digitalocean.table import RESOURCES as DIGITALOCEAN
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.tls import RESOURCES as TLS
from rehearsal.plugins.wire import UNKNOWN, Secret

CONTRACT = Path(__file__).resolve().parents[4] / "shared" / "contract" / "plugins"
SEED = b"0123456789abcdef" * 2
TABLES: Mapping[str, Mapping[str, Resource]] = {
    "digitalocean": DIGITALOCEAN,
    "command": COMMAND,
    "random": importlib.import_module("rehearsal.plugins.random").RESOURCES,
    "tls": TLS,
}
# Refused by name: outputs that are files.
LEFT_OUT = {"command:local:Command": {"archivePaths", "assetPaths"}, "command:remote:Command": set()}

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="../shared/contract is not here")


def _contract(plugin: str) -> Any:
    return json.loads((CONTRACT / f"{plugin}.json").read_text())


def _pairs() -> Iterator[Any]:
    for plugin, table in TABLES.items():
        for token, rules in table.items():
            yield pytest.param(plugin, token, rules, id=token)


def _vectors() -> Iterator[Any]:
    if not CONTRACT.exists():
        return
    for plugin, table in TABLES.items():
        for token, rules in table.items():
            for number, vector in enumerate(_contract(plugin)["resources"][token].get("vectors", [])):
                yield pytest.param(rules, vector, id=f"{token}-{number}")


def _from_wire(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$secret"}:
            return Secret(_from_wire(value["$secret"]))
        return UNKNOWN if set(value) == {"$unknown"} else {name: _from_wire(child) for name, child in value.items()}
    return [_from_wire(child) for child in value] if isinstance(value, list) else value


def _checked(rules: Resource, vector: Any) -> Any:
    inputs = _from_wire(vector["inputs"])
    assert check.failures(rules, inputs) == {}
    return check.completed(rules, news=inputs, olds={}, logical="My-Res", seed=SEED)


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_check_answers_as_the_official_plugin(rules: Resource, vector: Any) -> None:
    assert _checked(rules, vector) == _from_wire(vector["checked"])


@pytest.mark.parametrize(("rules", "vector"), list(_vectors()))
def test_preview_answers_as_the_official_plugin(rules: Resource, vector: Any) -> None:
    checked = _checked(rules, vector)
    previewed = state.covered(rules, state.previewed(rules, checked), checked)
    known = {k: v for k, v in previewed.items() if v is not None and v is not UNKNOWN and v != Secret(UNKNOWN)}
    assert known == _from_wire(vector["preview"]["known"])
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
    entry = _contract(plugin)["resources"][token]
    assert set(rules.inputs) == set(entry["inputProperties"]) - LEFT_OUT.get(token, set())
    told = set(entry["properties"]) - {"assets", "archive"} - LEFT_OUT.get(token, set())
    assert set(rules.inputs) | set(rules.outputs) == told
    assert {name for name, rule in rules.inputs.items() if rule.required} == set(entry["requiredInputs"])


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
def test_the_table_replaces_and_hides_the_same(plugin: str, token: str, rules: Resource) -> None:
    entry = _contract(plugin)["resources"][token]
    replaces = {name for name, rule in rules.inputs.items() if rule.replaces}
    assert replaces == set(entry["forceNew"]) | ({"ipv6"} if token.endswith(":Droplet") else set())
    secret = set(rules.secrets) | {name for name, rule in rules.inputs.items() if rule.secret}
    assert secret == set(entry["secretOutputs"])
    assert rules.named_means_delete_first == entry.get("deleteBeforeReplaceWhenNamed", False)
    assert rules.automatic_name == ("autoName" in entry)


@pytest.mark.parametrize(("plugin", "token", "rules"), list(_pairs()))
def test_the_table_has_the_same_defaults(plugin: str, token: str, rules: Resource) -> None:
    entry = _contract(plugin)["resources"][token]
    assert {name for name, rule in rules.inputs.items() if rule.computed} == set(entry.get("computedInputs", []))
    assert dict(_defaults(rules.inputs)) == {k: v for k, v in entry["defaults"].items() if v != ""}


def _defaults(inputs: Mapping[str, Input], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, rule in inputs.items():
        if rule.default is not None:
            yield f"{at}{name}", rule.default
        one = "[]." if at == "" and name == "versioning" else "."  # a block that the bridge flattens from a list
        yield from _defaults(rule.fields, f"{at}{name}{one}")


def test_the_functions_are_those_of_the_contract() -> None:
    assert set(FUNCTIONS) == set(_contract("digitalocean")["functions"])
