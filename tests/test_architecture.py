"""Imports point one way, and what is declared twice is the same twice."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from components.clouds import CLOUDS
from settings import CloudName
from settings.stack_file import KEYS

ROOT = Path(__file__).resolve().parents[1]
OURS = {"settings", "components", "release", "rehearsal"}
CLOUD_SDKS = ("pulumi_digitalocean", "pulumi_hcloud")
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def imports(path: Path) -> set[str]:
    """Every module a file imports, wherever in it."""
    return set(_imports(ast.parse(path.read_text())))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in OURS}


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", files("components"), ids=name_of)
def test_components_know_no_cloud_but_its_protocol(path: Path) -> None:
    if path.is_relative_to(ROOT / "components/clouds"):
        return
    assert not [name for name in imports(path) if name.startswith(CLOUD_SDKS)]
    clouds = {name for name in ours(path) if name.startswith("components.clouds")}
    assert clouds <= {"components.clouds.cloud"}
    assert {name.split(".")[0] for name in ours(path)} <= {"components", "settings", "release"}


def test_only_the_choice_of_an_artifact_reaches_the_build_and_only_a_sum_what_runs_on_machines() -> None:
    reaching = {name_of(path): ours(path) for path in files("components")}
    found = {path: {name for name in names if name.startswith("release")} for path, names in reaching.items()}
    assert {path: names for path, names in found.items() if names} == {
        "components/artifact.py": {"release.build"},
        "components/fitting.py": {"release.host.agent.fitting", "release.host.postgres.sizing"},
    }


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_knows_its_provider_and_the_protocol(cloud: str) -> None:
    path = ROOT / f"components/clouds/{cloud}.py"
    shared = {"components.clouds.cloud", "components.clouds.options", "components.clouds.words"}
    own = {f"components.clouds.{file.stem}" for file in path.parent.glob(f"{cloud}_*.py")}
    assert ours(path) == {*shared, *own}
    assert len([name for name in imports(path) if name.startswith(CLOUD_SDKS)]) == 1


def test_the_protocol_knows_pulumi_only() -> None:
    assert not ours(ROOT / "components/clouds/cloud.py")
    assert ours(ROOT / "components/clouds/__init__.py") == {"components.clouds.cloud"}


def test_settings_know_nothing_of_what_is_made_of_them() -> None:
    assert all({name.split(".")[0] for name in ours(path)} <= {"settings"} for path in files("settings"))
    assert ours(ROOT / "settings/stack_file.py") == {"settings.forms"}
    assert ours(ROOT / "settings/forms.py") == {"settings.calendar_times"}


def test_the_program_knows_settings_and_components() -> None:
    assert {name.split(".")[0] for name in ours(ROOT / "__main__.py")} == {"settings", "components"}


@pytest.mark.parametrize("path", files("rehearsal"), ids=name_of)
def test_the_rehearsal_imports_nothing_of_the_program(path: Path) -> None:
    assert {name.split(".")[0] for name in ours(path)} <= {"rehearsal"}


@pytest.mark.parametrize("path", [ROOT / "__main__.py", *files("settings", "components", "release")], ids=name_of)
def test_nothing_of_the_program_imports_the_rehearsal(path: Path) -> None:
    assert not [name for name in ours(path) if name.startswith("rehearsal")]


@pytest.mark.parametrize("path", files("release"), ids=name_of)
def test_a_release_runs_without_pulumi_and_the_program(path: Path) -> None:
    assert {name.split(".")[0] for name in ours(path)} <= {"release"}
    assert not [name for name in imports(path) if name.split(".")[0].startswith("pulumi")]


def declared() -> dict[str, dict[str, object]]:
    config: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return config


def test_pulumi_yaml_declares_what_settings_know() -> None:
    assert {key: TYPES[str(entry["type"])] for key, entry in declared().items()} == dict(KEYS)


def test_every_setting_is_described_and_none_is_required_by_the_engine() -> None:
    assert not [key for key, entry in declared().items() if "default" not in entry or not entry.get("description")]
    assert not [key for key in declared() if ":" in key]


def test_the_clouds_are_named_once() -> None:
    assert tuple(CLOUDS) == get_args(CloudName)


def test_a_template_asks_for_settings_that_exist() -> None:
    template = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["template"]
    assert set(template["config"]) <= set(KEYS)


def test_a_cloud_is_imported_when_it_is_called_for() -> None:
    assert json.loads(_modules_after("import components.clouds, components.environment")) == []


def _modules_after(statement: str) -> str:
    code = f"import sys, json; {statement}; print(json.dumps([n for n in {CLOUD_SDKS!r} if n in sys.modules]))"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
