"""`slipway check` of whole projects: what it says, and that it goes on where it can."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from rehearsal.paths import SHARED_CACHE
from release.build.sources import ORDER
from release.cli.__main__ import main
from release.cli.check.report import Report
from release.cli.check.steps import Asked, inspect
from settings import Settings
from tests.release.build.projects import SETTINGS, site, write

pytestmark = pytest.mark.whole

GALLERY = Path(__file__).parents[4] / "examples/gallery"
PYTHON = "{}.{}".format(*sys.version_info[:2])
TROUBLE = """
import os
SHOP = os.environ["SHOP_NAME"]
TOKEN = os.environ["SHOP_TOKEN"]
ALLOWED_HOSTS = ["shop.example"]
LOGGING = {"version": 1, "handlers": {"file": {"class": "logging.FileHandler", "filename": BASE_DIR / "debug.log"}}}
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages are unpacked once for every run of the tests on this computer."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(SHARED_CACHE / "tests/check"))


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    debris = shutil.ignore_patterns("__pycache__", "db.sqlite3", "media")
    return Path(shutil.copytree(GALLERY, tmp_path / "gallery", ignore=debris))


def checked(project: Path, **asked: str) -> Report:
    return inspect(Asked(project, python=PYTHON, **asked))


def refusals(report: Report) -> list[str]:
    return [f"{line.where}: {line.text}" for line in report.lines if line.level == "refuse"]


def test_a_project_with_troubles_of_many_kinds(gallery: Path) -> None:
    settings, models = gallery / "gallery/settings.py", gallery / "pictures/models.py"
    line = len(settings.read_text().splitlines())
    settings.write_text(settings.read_text() + TROUBLE)
    models.write_text(models.read_text() + "\n\nclass Note(models.Model):\n    pass\n")
    write(gallery, {".env": "SECRET=1\n"})
    report = checked(gallery)
    assert refusals(report) == [
        f"gallery/settings.py:{line + 6}: LOGGING handler file should not write into the project (got debug.log), "
        "the release is read-only: drop it, stderr is in slipway logs"
    ]
    said = {(line.level, line.where): line.text for line in report.lines}
    assert said["ok", "gallery.settings"].startswith("laid over yours: ALLOWED_HOSTS, ")
    assert said["note", f"gallery/settings.py:{line + 3}"].startswith("SHOP_NAME: is required")
    assert said["note", f"gallery/settings.py:{line + 5}"] == (
        "ALLOWED_HOSTS names shop.example: replaced by the stack's hosts"
    )
    assert said["note", "pictures"] == (
        "a model change has no migration (Create model Note), run makemigrations pictures"
    )
    assert said["ok", ".env"] == "stays here (environment)"
    assert "packed (dependencies " in said["ok", "layers"]
    assert "1 thing stands in the way of pulumi up" in report.text()
    wanted = Settings.parse("staging", yaml.safe_load(report.stack_file)["config"])
    assert (wanted.site.settings, dict(wanted.site.env)) == ("gallery.settings", {"SHOP_NAME": "..."})
    assert "# pulumi config set --secret --path secrets.SHOP_TOKEN -s staging" in report.stack_file


def test_settings_that_do_not_import(gallery: Path) -> None:
    (gallery / "gallery/settings.py").write_text("import no_such_module\nINSTALLED_APPS = []\n")
    assert refusals(checked(gallery)) == [
        "gallery/settings.py:1: no_such_module should be among the dependencies or in the project "
        "(got ModuleNotFoundError: No module named 'no_such_module'), add it"
    ]


def test_no_directory(tmp_path: Path) -> None:
    assert refusals(checked(tmp_path / "no")) == [
        f"{tmp_path}/no: should be a directory with a manage.py (got none), correct the path"
    ]


def test_two_projects_in_one_directory(tmp_path: Path) -> None:
    write(tmp_path, {"a/manage.py": "", "b/manage.py": ""})
    report = checked(tmp_path)
    assert refusals(report) == [
        f"project: should have one manage.py (got a/manage.py and b/manage.py in {tmp_path}), "
        "name the directory of one of them"
    ]
    assert not report.stack_file


def test_files_that_git_lfs_keeps(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\n"
    write(site(tmp_path), {"a.png": pointer, "b.png": pointer})
    assert refusals(checked(tmp_path)) == [
        "a.png: should be the file itself (got a Git LFS pointer, as 1 more are), run `git lfs pull`"
    ]


def test_a_project_without_dependencies_is_looked_at_as_far_as_it_can_be(tmp_path: Path) -> None:
    (site(tmp_path, settings=f'{SETTINGS}\nimport os\nos.environ["TOKEN"]\n') / "requirements.txt").unlink()
    report = checked(tmp_path)
    assert refusals(report) == [
        f"project: should state its dependencies in {ORDER} (got none), write one with pip freeze > requirements.txt"
    ]
    assert "secrets.TOKEN" in report.stack_file


def test_several_settings_modules(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "shop/settings/dev.py": SETTINGS, "shop/settings/stage.py": SETTINGS})
    assert refusals(checked(tmp_path)) == [
        "settings: should be a module of the project (got shop.settings.dev, shop.settings.stage), "
        "name it with --settings"
    ]
    (tmp_path / "shop/settings/production.py").write_text(SETTINGS)
    report = checked(tmp_path)
    assert report.settings == "shop.settings.production"
    (line,) = [line for line in report.lines if line.topic == "settings"]
    assert line.text == (
        "taken, it says production; others are shop.settings.dev, shop.settings.stage, choose with --settings"
    )


def test_the_command_line_answers_programs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["refused"]
    assert found["lines"][0]["level"] == "refuse"


def test_nothing_in_the_way_is_a_good_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("release.cli.check.command.inspect", lambda asked: Report(str(asked.project)))
    assert main(["check", str(tmp_path)]) == 0
    assert "nothing stands in the way of pulumi up" in capsys.readouterr().out
