"""An artifact that is tried out: started from the layers themselves, tested with its own packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.build import BuildError
from release.build.cache import Cache
from release.build.layers import Member, pack
from release.build.platforms import Platform
from release.build.request import OVERLAY
from release.cli.build.asked import Asked
from release.cli.build.command import tried
from release.cli.build.report import Report
from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, commit, site, write

pytestmark = pytest.mark.whole

TESTS = """\
import django, os, sys
from django.test import TestCase
from notes.models import Note


class Notes(TestCase):
    def test_it(self):
        Note.objects.create(text="x")
        print("packages:", django.__file__)
        print("code:", __file__)
        print("settings:", os.environ["DJANGO_SETTINGS_MODULE"])
        assert Note.objects.count() == 1
"""
MANAGE = """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
READING = SETTINGS + 'import os\nNAME = os.environ["SHOP_NAME"]\n'


def asked(project: Path, lock: Path, **changes: Any) -> Asked:
    return Asked(**{"project": project, "settings": "site1.settings", "env": (), "lock": lock, **changes})


def trial(run: Build, project: Path, *, as_json: bool = False, env: tuple[str, ...] = (), test: str = "") -> Report:
    return tried(run(project, env=env), asked(project, project / "no.lock", env=env, test=test), as_json=as_json)


def test_it_starts_from_its_layers_and_its_tests_run_there(
    run: Build, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = commit(write(site(tmp_path / "one"), {"notes/tests.py": TESTS, "manage.py": MANAGE}))
    report = trial(run, project, test="python manage.py test notes && echo went well")
    said = capfd.readouterr()
    assert report.good, said
    assert report.started
    assert report.started.entry == "site1.wsgi.application"
    assert "went well" in said.out
    places = dict(line.split(": ", 1) for line in said.out.splitlines() if line.startswith(("packages", "code", "set")))
    assert places["packages"].endswith("/site-packages/django/__init__.py")
    assert not places["code"].startswith(str(tmp_path))  # what was packed, not what lies in the project
    assert places["settings"] == "site1.settings"
    lines = said.out.splitlines()
    assert lines[0] == report.artifact
    assert lines[1].startswith(f"  from {project} at ")
    assert lines[-1].startswith("test: ok, exit code 0 after ")


def test_tests_that_fail_fail_the_build_with_their_exit_code(
    run: Build, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = trial(run, site(tmp_path / "one"), test="echo broken; exit 3")
    assert not report.good
    assert report.tested
    assert report.tested.code == 3
    said = capfd.readouterr().out
    assert "broken\n" in said
    assert "test: FAILED, exit code 3 after " in said


def test_for_programs_there_is_one_object_and_the_tests_speak_on_stderr(
    run: Build, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report = trial(run, site(tmp_path / "one"), test="echo aloud", as_json=True)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "aloud\n")
    found = json.loads(report.document())
    assert (found["good"], found["tested"]["code"], found["commit"]) == (True, 0, None)
    assert sorted(found["layers"]) == ["code", "dependencies", "static"]
    assert all(layer["packed"] and layer["unpacked"] for layer in found["layers"].values())


def test_what_stands_in_for_the_stacks_values_gives_way_to_the_callers(
    run: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project = site(tmp_path / "one", settings=READING)
    monkeypatch.setenv("SHOP_NAME", "from here")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    report = trial(
        run, project, env=("SHOP_NAME", "OTHER"), test='echo "$SHOP_NAME, $OTHER, $DATABASE_URL, $PYTHONPATH"'
    )
    assert report.good
    said = capfd.readouterr().out
    assert "from here, slipway-placeholder, sqlite:///" in said
    assert "/elsewhere" not in said


def test_a_module_that_only_the_builders_tree_has_is_missed(run: Build, cache: Path, tmp_path: Path) -> None:
    """Planted: a code layer without the project's settings, which lie in the project itself."""
    artifact = run(site(tmp_path / "one"))
    overlay = [Member(path=f"overlay/{file.name}", content=file.read_bytes()) for file in OVERLAY.glob("*.py")]
    without = pack(cache=Cache(cache), members=[Member(path="src/manage.py"), *overlay])
    artifact.manifest["layers"]["code"] = without
    report = tried(artifact, asked(tmp_path / "one", tmp_path / "no.lock"), as_json=True)
    assert not report.good
    assert report.started
    assert "should start from the unpacked layers (got ModuleNotFoundError: No module named 'site1')" in (
        report.started.error
    )


def test_a_layer_that_is_not_what_its_name_says_is_not_started(run: Build, cache: Path, tmp_path: Path) -> None:
    artifact = run(site(tmp_path / "one", urls="urlpatterns = [] # damaged\n"))
    layers = artifact.manifest["layers"]
    damaged = cache / "layers" / f"{layers['code']}.tar.zst"
    kept = damaged.read_bytes()
    try:
        damaged.unlink()
        damaged.write_bytes((cache / "layers" / f"{layers['static']}.tar.zst").read_bytes())
        with pytest.raises(BuildError, match=r"should hold the layer of its name \(got sha256 "):
            tried(artifact, asked(tmp_path / "one", tmp_path / "no.lock"), as_json=True)
    finally:
        damaged.unlink()
        damaged.write_bytes(kept)


def test_elsewhere_the_servers_packages_are_not_started(
    run: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = run(site(tmp_path / "one"))
    monkeypatch.setattr(Platform, "here", lambda: Platform("Darwin", "arm64"))
    report = tried(artifact, asked(tmp_path / "one", tmp_path / "no.lock", test="false"), as_json=False)
    assert (report.started, report.tested) == (None, None)
    assert "not started here: the servers' packages do not run on macOS arm64" in capfd.readouterr().out


def test_an_error_of_check_deploy_is_one_and_warnings_are_told(run: Build, tmp_path: Path) -> None:
    apps = """
from django.apps import AppConfig
from django.core import checks


@checks.register(deploy=True)
def deployed(**kwargs):
    return [checks.Error("not like this", id="notes.E001")]


class NotesConfig(AppConfig):
    name = "notes"
"""
    good = trial(run, site(tmp_path / "one"), as_json=True)
    assert good.started
    assert any(warning.startswith("security.W") for warning in good.started.warnings)
    report = trial(run, write(site(tmp_path / "two"), {"notes/apps.py": apps}), as_json=True)
    assert report.started
    assert report.started.error == "check --deploy: notes.E001 not like this"


def test_changes_are_told_where_the_stack_refuses_them(run: Build, tmp_path: Path) -> None:
    project = write(commit(site(tmp_path / "one")), {"notes/new.py": "x = 1\n"})
    report = tried(run(project), asked(project, project / "no.lock", protect=True), as_json=True)
    assert report.dirty
    assert any("pulumi up refuses them for this stack" in note for note in report.notes)
