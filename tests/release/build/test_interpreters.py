"""Which Python a project gets: the servers' own where it may, else the nearest that uv offers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.version import Version

from release.build import BuildError, interpreters
from release.build.interpreters import Choice, Offer, choose, offers
from tests.release.build.interpreters import entry
from tests.release.build.projects import write

OFFERED = ["3.11.18", "3.12.4", "3.12.16", "3.13.18", "3.14.10", "3.15.2"]
PYPROJECT = "[project]\nname = 'site'\nversion = '1'\nrequires-python = '{}'\n"


@pytest.fixture(autouse=True)
def offering(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [Offer(f"cpython-{each}-linux-x86_64-gnu", Version(each), "https://x/1") for each in OFFERED]
    monkeypatch.setattr(interpreters, "offers", lambda: known)


def chosen(directory: Path, files: dict[str, str], *, root: str = "") -> Choice:
    return choose(stage=write(directory, files), root=root, servers="3.13")


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        *((wanted, "") for wanted in (">=3.12", "~=3.13", ">=3.13,<3.14", ">=3.8", "==3.13.2", "nonsense")),
        *((wanted, "3.12.16") for wanted in (">=3.10,<3.13", "==3.12.*", "<3.13", "~=3.12.0")),
        *((wanted, "3.14.10") for wanted in (">=3.14", "==3.14.*", "!=3.13.*")),
        ("==3.12.4", "3.12.4"),
        ("<3.12", "3.11.18"),
    ],
)
def test_the_servers_own_where_it_is_admitted_else_the_nearest(tmp_path: Path, wanted: str, got: str) -> None:
    found = chosen(tmp_path, {"pyproject.toml": PYPROJECT.format(wanted)})
    assert str(found.bundled.version if found.bundled else "") == got
    assert found.minor == ".".join((got or "3.13").split(".")[:2])


@pytest.mark.parametrize(("pinned", "got"), [("3.13.1\n", ""), ("cpython-3.12.1\n", "3.12.16"), ("shop-env\n", "")])
def test_a_python_version_names_a_minor(tmp_path: Path, pinned: str, got: str) -> None:
    found = chosen(tmp_path, {".python-version": pinned})
    assert str(found.bundled.version if found.bundled else "") == got


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        *((wanted, "") for wanted in ("^3.11", ">=3.12,<4.0", "*", "3", "3.*", "^3.9 || ^2.7")),
        *((wanted, "3.12.16") for wanted in ("~3.12", "3.12", "3.12.*", ">=3.10,<3.13", "~3.12.3", "~3.11 || ~3.12")),
        ("3.12.4", "3.12.4"),
        ("^3.14", "3.14.10"),
    ],
)
def test_poetry_says_it_in_words_of_its_own(tmp_path: Path, wanted: str, got: str) -> None:
    found = chosen(tmp_path, {"pyproject.toml": f"[tool.poetry.dependencies]\npython = '{wanted}'\n"})
    assert str(found.bundled.version if found.bundled else "") == got


@pytest.mark.parametrize(("pipfile", "got"), [("3.13", "3.13"), ("3.12", "3.12"), ("3", "3.13")])
def test_a_pipfile_names_one_too(tmp_path: Path, pipfile: str, got: str) -> None:
    files = {"Pipfile": f'[requires]\npython_version = "{pipfile}"\n', ".python-version": "3.11"}
    assert chosen(tmp_path, files).minor == got


def test_requires_python_goes_before_python_version_and_manage_py_before_the_top(tmp_path: Path) -> None:
    files = {"pyproject.toml": PYPROJECT.format(">=3.12"), ".python-version": "3.12", "back/.python-version": "3.11"}
    assert chosen(tmp_path / "a", files, root="back").minor == "3.13"
    files["back/pyproject.toml"] = PYPROJECT.format("<3.12")
    assert chosen(tmp_path / "b", files, root="back").file == "back/pyproject.toml"


def test_what_is_bundled_is_named(tmp_path: Path) -> None:
    assert chosen(tmp_path, {".python-version": "3.12"}).notes == (
        "python: 3.12.16 is bundled, as .python-version asks; its security fixes come with new releases only",
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"pyproject.toml": PYPROJECT.format("<3.9")},
            "pyproject.toml: requires-python should admit 3.13, the servers' Python, or one that uv can fetch, 3.11 "
            "or newer (got '<3.9'), run the project with 3.13 and say so there",
        ),
        (
            {".python-version": "3.9.18\n"},
            ".python-version: should admit 3.13, the servers' Python, or one that uv can fetch, 3.11 or newer "
            "(got '3.9'), run the project with 3.13 and say so there",
        ),
    ],
)
def test_one_that_nobody_offers_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(BuildError) as caught:
        chosen(tmp_path, files)
    assert str(caught.value) == said


def test_offers_are_what_the_servers_could_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kinds = [
        ("3.12.1", "linux", "gnu", ""),
        ("3.10.1", "linux", "gnu", ""),
        ("3.16.0", "linux", "gnu", "a2"),
        ("3.12.2", "linux", "musl", ""),
        ("3.12.3", "macos", "none", ""),
    ]
    listed = tmp_path / "downloads.json"
    listed.write_text(json.dumps(dict(entry(*kind) for kind in kinds)))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", listed.as_uri())
    assert [(offer.key, offer.minor) for offer in offers()] == [("cpython-3.12.1-linux-x86_64-gnu", "3.12")]
