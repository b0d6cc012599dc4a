"""A project in a repository with others: what it is made from besides its own files is built, seen and named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from release.build import BuildError
from release.build.neighbours import neighbours
from release.build.requirements import parse
from release.build.sources import find_source
from release.build.tree import read_tree
from release.build.uv import find_uv
from tests.release.build.conftest import Build
from tests.release.build.private_index import package
from tests.release.build.projects import FILES, SETTINGS, commit, git, site, write

MEMBER = """\
[project]
name = "{0}"
version = "1"
requires-python = ">=3.11"
dependencies = {1}
"""


def repository(directory: Path) -> Path:
    """A Django project in apps/site that needs libs/greeting, which needs libs/words; and others beside them."""
    site(directory / "apps/site", settings=f"{SETTINGS}import greeting\n", requirements="-r ../../base.txt\n")
    write(directory, {"base.txt": f"{FILES['requirements.txt']}-e ../../libs/greeting\n", "libs/other/x.py": ""})
    package(directory / "libs/greeting", "greeting", content="import words\n", needs="'words @ file:../words'")
    write(directory, {"libs/greeting/notes.txt": "../words", "libs/greeting/.env": "SECRET=1"})
    package(directory / "libs/words", "words")
    return commit(directory)


def test_only_what_the_project_is_made_from_is_taken(tmp_path: Path) -> None:
    top = repository(tmp_path / "all")
    tree = read_tree(top / "apps/site")
    assert neighbours(top / "apps/site", top=top) == ["base.txt", "libs/greeting", "libs/words"]
    beside = [entry.path for entry in tree.beside]
    assert {path.split("/")[1] for path in beside if "/" in path} == {"greeting", "words"}
    assert "libs/greeting/.env" not in beside
    assert not tree.paths & set(beside)
    before = tree.digest
    write(top, {"libs/other/x.py": "changed"})
    tree = read_tree(top / "apps/site")
    assert (tree.digest, tree.changed) == (before, ())
    write(top, {"libs/words/words.py": "changed"})
    tree = read_tree(top / "apps/site")
    assert tree.digest != before
    assert tree.changed == ("libs/words/words.py",)


@pytest.mark.whole
def test_a_package_beside_the_project_is_built_into_the_dependencies(run: Build, tmp_path: Path) -> None:
    top, lock = repository(tmp_path / "all"), tmp_path / "stacks/staging.lock"
    write(top, {"base.txt": f"{FILES['requirements.txt']}-e ../../libs/greeting\n-e ../../libs/words\n"})
    package(top / "libs/greeting", "greeting", content="import words\n")
    first = run(top / "apps/site", lock=lock)
    assert [item.local for item in parse(lock.read_text()) if item.local] == ["../../libs/greeting", "../../libs/words"]
    assert str(tmp_path) not in lock.read_text()
    write(top, {"libs/words/words.py": "WORD = 1\n"})
    second = run(top / "apps/site", lock=lock)
    layers = [made.manifest["layers"] for made in (first, second)]
    assert layers[0]["dependencies"] != layers[1]["dependencies"]
    assert layers[0]["code"] == layers[1]["code"]
    git(top, "checkout", "-q", "libs/words")
    assert run(top / "apps/site", lock=lock).id == first.id


@pytest.mark.whole
def test_a_member_of_a_uv_workspace(tmp_path: Path) -> None:
    top = tmp_path / "all"
    sources = '[tool.uv.sources]\nshared = { workspace = true }\nplain = { path = "../../libs/plain" }\n'
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/shared", "libs/unused"]\n',
        "apps/site/pyproject.toml": MEMBER.format("site", '["asgiref", "shared", "plain"]') + sources,
        "apps/site/manage.py": "",
        "libs/unused/pyproject.toml": MEMBER.format("unused", "[]"),
    }
    write(top, files)
    package(top / "libs/shared", "shared")
    package(top / "libs/plain", "plain")
    write(top, {"libs/shared/pyproject.toml": f"{(top / 'libs/shared/pyproject.toml').read_text()}[tool.uv]\n"})
    subprocess.run([find_uv(), "lock", "--quiet", "--python", sys.executable], cwd=top, check=True)
    commit(top)
    tree = read_tree(top / "apps/site")
    places = {"/".join(entry.path.split("/")[:2]) for entry in tree.beside}
    assert places == {"libs/plain", "libs/shared", "pyproject.toml", "uv.lock"}
    source = find_source(stage=top / "apps/site", root="", top=top)
    assert (source.file, source.directory) == ("../../uv.lock", top)
    found = parse(source.locked or "")
    assert {item.local for item in found if item.local} == {"./libs/plain", "./libs/shared"}
    assert {item.name for item in found if item.name} >= {"asgiref"}


@pytest.mark.whole
@pytest.mark.parametrize("path", ["../../../elsewhere", "/elsewhere"])
def test_a_package_outside_of_the_repository_is_refused(path: str, run: Build, tmp_path: Path) -> None:
    top = repository(tmp_path / "all")
    write(tmp_path, {"elsewhere/pyproject.toml": MEMBER.format("elsewhere", "[]")})
    write(top, {"apps/site/requirements.txt": f"Django\n-e {path}\n"})
    with pytest.raises(BuildError) as caught:
        run(top / "apps/site")
    got = f"(got {path!r}), publish it or move it in"
    assert str(caught.value) in (
        f"requirements.txt: a local package should lie inside the repository {got}",
        f"requirements.txt: a local package should lie inside the project {got}",
    )


@pytest.mark.whole
def test_a_package_that_is_not_there_is_named(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", requirements="Django\n-e ./packages/x\n")
    with pytest.raises(BuildError) as caught:
        run(project)
    rule = "requirements.txt: a local package should be there"
    assert str(caught.value) == f"{rule} (got no './packages/x'), add it or drop its line"
