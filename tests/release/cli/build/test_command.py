"""`slipway build`: what is asked for, by a project or by a stack file."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from release import build as building
from release.cli.__main__ import main
from release.cli.build import command
from release.cli.build.asked import OPTIONS, Asked
from release.cli.project import CHECKOUT
from tests.release.build.projects import write

STACK = """\
config:
  shop:project: ../site
  settings: site1.settings
  protect: true
  test: python manage.py test
  env:
    PLAIN: "1"
  secrets:
    TOKEN:
      secure: v1:xyz
"""


class Stopped(Exception):
    pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the build would have been called with."""
    calls: list[dict[str, Any]] = []

    def build(project: Path, **told: Any) -> None:
        calls.append({"project": project, **told})
        raise Stopped

    monkeypatch.setattr(building, "build", build)
    return calls


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, {"Pulumi.yaml": "name: shop\nstackConfigDir: stacks\n", "stacks/Pulumi.staging.yaml": STACK})
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stacks"


def test_a_project_is_built_with_its_settings(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        main(["build", str(tmp_path), "--settings", "a.b", "--env", "X", "--env", "Y,X", "--lock", "z.lock"])
    assert asked == [{"project": tmp_path, "settings": "a.b", "env": ("X", "Y"), "lock": Path("z.lock")}]


def test_without_a_lock_of_its_own_it_gets_one_that_stays(
    asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        with pytest.raises(Stopped):
            main(["build", str(tmp_path), "--settings", "a.b"])
    assert asked[0]["lock"] == asked[1]["lock"]
    assert asked[0]["lock"].is_relative_to(tmp_path / "cache")


def test_a_stack_is_built_as_its_file_says(asked: list[dict[str, Any]], stacks: Path) -> None:
    with pytest.raises(Stopped):
        main(["build", "staging"])
    assert asked == [
        {
            "project": CHECKOUT / "../site",
            "settings": "site1.settings",
            "env": ("PLAIN", "TOKEN"),
            "lock": stacks / "staging.lock",
        }
    ]


def test_its_test_command_is_the_stack_files(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Asked] = []
    monkeypatch.setattr(building, "build", lambda project, **told: None)

    def tried(artifact: Any, asked: Asked, *, as_json: bool) -> None:
        seen.append(asked)
        raise Stopped

    monkeypatch.setattr(command, "tried", tried)
    for words in (["staging"], ["staging", "--test", "pytest"]):
        with pytest.raises(Stopped):
            main(["build", *words])
    assert [each.test for each in seen] == ["python manage.py test", "pytest"]
    assert [each.protect for each in seen] == [True, True]


def test_whatever_decides_about_an_artifact_is_taken_from_the_stack_file() -> None:
    """A build by `slipway build STACK` and one by `pulumi up` have to give the same id."""
    told = inspect.signature(building.build).parameters.keys()
    always = {"project", "settings", "env", "lock", "dirty_ok", "python", "here"}
    assert told - always == set(OPTIONS.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["."], ".: a project should come with --settings MODULE (got none), slipway check . says which it has"),
        (["stagin"], "stacks/Pulumi.stagin.yaml: is not there, did you mean staging? the known ones are"),
        (["pinned"], "stacks/Pulumi.pinned.yaml: project: is required to build (got none), a pinned artifact is built"),
        (["broken"], "stacks/Pulumi.broken.yaml: is not a stack file ("),
        (["listed"], "stacks/Pulumi.listed.yaml: is not a stack file ("),
        (["staging", "--lock", "x"], "--lock: goes with --settings, a stack's lock is stacks/staging.lock"),
        (["nowhere", "--settings", "a.b"], "project: should be a directory with a manage.py (got 'nowhere')"),
    ],
)
def test_what_cannot_be_built_is_one_clear_error(
    stacks: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    pinned = "config:\n  artifact: sha256-" + "a" * 64 + "\n  settings: a.b\n"
    write(stacks, {"Pulumi.pinned.yaml": pinned, "Pulumi.broken.yaml": "config: [\n", "Pulumi.listed.yaml": "[1]\n"})
    assert main(["build", *words]) == 2
    assert capsys.readouterr().err.startswith(said)
