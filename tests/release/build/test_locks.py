"""Every tool's lock as it wrote it (tests/release/build/locked): its main set, with its hashes; or one clear error."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from release.build import BuildError
from release.build.dependencies import Answer, finish
from release.build.markers import without_extras, without_groups
from release.build.poetry_graph import reached
from release.build.requirements import applying, parse
from release.build.sources import Source, find_source
from tests.release.build.projects import write

LOCKED = Path(__file__).with_name("locked")
DJANGO = {"asgiref", "django", "sqlparse"}
STORAGES = {"boto3", "botocore", "django-storages", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}


def staged(kind: str, place: Path) -> Path:
    """A project with this tool's files, and the package beside it that they name."""
    write(place, {f"{name}/pyproject.toml": "" for name in ("shared", "plain")})
    return Path(shutil.copytree(LOCKED / kind, place / "site"))


def found(project: Path) -> Source:
    return find_source(stage=project, root="", top=project.parent)


def main_set(source: Source) -> tuple[set[str], set[str]]:
    """The packages that apply to a server, by name, and those that lie in files."""
    applying_here = applying(parse(source.locked or ""), python="3.13")
    return {item.name for item in applying_here if item.name}, {item.local for item in applying_here if item.local}


@pytest.mark.parametrize(
    ("kind", "file", "names", "local"),
    [
        ("poetry-1", "poetry.lock", DJANGO | STORAGES, {"../shared"}),
        ("poetry-2", "poetry.lock", DJANGO | STORAGES, {"../shared"}),
        ("pipenv", "Pipfile.lock", DJANGO | STORAGES, {"../shared"}),
        ("pylock", "pylock.toml", DJANGO, {"../plain"}),
    ],
)
def test_the_main_set_of_a_lock(kind: str, file: str, names: set[str], local: set[str], tmp_path: Path) -> None:
    source = found(staged(kind, tmp_path))
    assert source.file == file
    assert main_set(source) == (names, local)
    lines = parse(source.locked or "")
    assert all(item.is_fixed for item in lines)
    (django,) = [item.text for item in lines if item.name == "django"]
    assert django.startswith("django==5.2.19")
    assert django.count("--hash=sha256:") == 2


@pytest.mark.parametrize(
    ("kind", "file", "more", "message"),
    [
        (
            "poetry-1", "pyproject.toml", 'idna = "*"\nidle = "*"',
            "poetry.lock: should be made from this very pyproject.toml (got an older one's), run `poetry lock`",
        ),
        (
            "poetry-2", "pyproject.toml", 'idna = "*"\nidle = "*"',
            "poetry.lock: should be made from this very pyproject.toml (got an older one's), run `poetry lock`",
        ),
        (
            "pipenv", "Pipfile", 'idna = "*"\nidle = "*"',
            "Pipfile.lock: should be made from this very Pipfile (got an older one's), run `pipenv lock`",
        ),
    ],
)  # fmt: skip
def test_a_lock_of_another_statement_is_refused(kind: str, file: str, more: str, message: str, tmp_path: Path) -> None:
    project = staged(kind, tmp_path)
    text = (project / file).read_text()
    assert 'idna = "*"' in text
    (project / file).write_text(f"# a comment changes nothing\n{text}")
    assert found(project)
    (project / file).write_text(text.replace('idna = "*"', more))
    with pytest.raises(BuildError) as caught:
        found(project)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("old", "new", "got"),
    [("5.2,<5.3", "5.2,<5.2.19", "'Django<5.2.19,>=5.2'"), ('"plain"', '"plain", "idle>=2"', "'idle>=2'")],
)
def test_a_pylock_that_lacks_a_requirement_is_refused(old: str, new: str, got: str, tmp_path: Path) -> None:
    project = staged("pylock", tmp_path)
    (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text().replace(old, new))
    with pytest.raises(BuildError) as caught:
        found(project)
    rule = "pylock.toml: should be up to date with pyproject.toml"
    assert str(caught.value) == f"{rule} (got no {got}), run `uv export -o pylock.toml`"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"poetry.lock": "<<<<<<< HEAD\n"}, r"^poetry.lock: should be a lock file \(got .*\), run `poetry lock`$"),
        ({"pylock.toml": "<<<<<<< HEAD\n"}, r"^pylock.toml: should be a lock file \(got .*\), write it anew$"),
        ({"Pipfile.lock": "<<<<<<< HEAD\n"}, r"^Pipfile.lock: should be a lock file \(got .*\), run `pipenv lock`$"),
        ({"uv.lock": "<<<<<<< HEAD\n"}, r"^uv.lock: should be a lock file \(got .*\), run `uv lock`$"),
        (
            {"requirements.txt": "a==1\n<<<<<<< HEAD\n"},
            r"^requirements.txt: should be one side of the merge \(got <<<<<<< in line 2\), resolve it$",
        ),
        ({"Pipfile": ""}, r"^project: should state .* \(got Pipfile\), write one with pipenv lock$"),
        ({"setup.py": ""}, r"\(got setup.py\), write one with pip freeze > requirements.txt$"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\n"}, r"without its lock\), write it with poetry lock$"),
    ],
)
def test_what_is_no_lock(files: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=message):
        found(write(tmp_path / "site", files))


def test_one_of_several_decides_and_the_others_are_named(tmp_path: Path) -> None:
    project = staged("pipenv", tmp_path)
    shutil.copytree(LOCKED / "poetry-2", project, dirs_exist_ok=True)
    write(project, {"requirements.txt": "Django\n", "back/requirements.txt": "Django\n"})
    source = find_source(stage=project, root="back", top=tmp_path)
    assert (source.file, source.others) == (
        "poetry.lock", ("back/requirements.txt", "Pipfile.lock", "requirements.txt"),
    )  # fmt: skip


def test_hashed_requirements_that_include_others_are_a_lock(tmp_path: Path) -> None:
    digest = f"--hash=sha256:{'0' * 64}"
    files = {
        "requirements/production.txt": f"-r base.txt\n-c limits.txt\ngunicorn==23.0 {digest}\n",
        "requirements/base.txt": f"Django==5.2 {digest}\n",
        "requirements/limits.txt": "Django<6\n",
    }
    source = found(write(tmp_path / "site", files))
    assert main_set(source) == ({"django", "gunicorn"}, set())
    write(tmp_path / "site", {"requirements/base.txt": "Django==5.2\n"})
    assert found(tmp_path / "site").locked is None


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("'dev' in dependency_groups", False),
        ("'web' in dependency_groups", True),
        ("'web' not in dependency_groups or 's3' in extras", False),
        ("'s3' not in extras and sys_platform == 'linux'", True),
    ],
)
def test_groups_and_extras_of_a_pylock(marker: str, holds: bool) -> None:
    text = without_groups(marker, groups=["web"])
    assert bool(applying(parse(f"a==1 ; {text}"), python="3.13")) == holds


def test_extras_of_a_marker_are_answered() -> None:
    marker = 'extra == "s3" and python_version > "3"'
    assert applying(parse(f"a==1 ; {without_extras(marker, chosen=['s3'])}"), python="3.13")
    assert not applying(parse(f"a==1 ; {without_extras(marker)}"), python="3.13")


def test_a_package_is_needed_when_any_path_to_it_is() -> None:
    needs = {"b": {"version": "*", "markers": "os_name == 'nt'"}, "c": "*"}
    packages: list[dict[str, Any]] = [
        {"name": "a", "version": "1", "dependencies": needs},
        {"name": "b", "version": "1", "dependencies": {"d": "*"}},
        {"name": "c", "version": "1", "dependencies": {"a": "*", "e": {"version": "<2", "markers": "os_name == 'x'"}}},
        {"name": "d", "version": "1"},
        {"name": "e", "version": "1"},
        {"name": "e", "version": "2"},
        {"name": "dev", "version": "1"},
    ]
    found_ = {(package["name"], package["version"]): marker for package, marker in reached(packages, roots={"A": "^1"})}
    assert found_ == {
        ("a", "1"): "", ("b", "1"): "(os_name == 'nt')", ("c", "1"): "", ("d", "1"): "(os_name == 'nt')",
        ("e", "1"): "(os_name == 'x')",
    }  # fmt: skip


def test_what_was_chosen_is_said() -> None:
    source = Source(file="uv.lock", directory=Path(), files=(), inputs="", locked="", others=("requirements.txt",))
    found_ = finish(Answer(), own=[], source=source, notes=("more",), lock=Path("staging.lock"))
    assert found_.notes == ("uv.lock decides; beside it and not read: requirements.txt", "more")
