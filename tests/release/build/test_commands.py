"""`build:` commands: what they see, what of their work travels, and how a failure is told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from release.build import BuildError
from release.build.building import key
from release.build.commands import run_commands
from release.build.inspection import Workplace
from release.build.platforms import Platform
from release.build.request import Request
from release.build.tree import Tree, read_tree, stage
from tests.release.build.projects import write

Run = Callable[..., tuple[Tree, list[str]]]
PROJECT = {"manage.py": "", "app.py": "old\n", "gone.py": "", ".gitignore": "dist/\n"}


def asked(*commands: str) -> Request:
    place = {"lock": Path("none.lock"), "python": "3.13", "here": Platform.here()}
    return Request(settings="site1.settings", env=("STRIPE_KEY",), commands=commands, **place)  # type: ignore[arg-type]


@pytest.fixture
def staged(tmp_path: Path) -> Tree:
    return stage(tree=read_tree(write(tmp_path / "theirs", PROJECT)), target=tmp_path / "scratch/src")


@pytest.fixture
def run(tmp_path: Path, staged: Tree) -> Run:
    scratch = tmp_path / "scratch"
    workplace = Workplace(scratch=scratch, packages=tmp_path / "packages", root="", python=Path(sys.executable))
    return lambda *commands, **other: run_commands(request=asked(*commands), workplace=workplace, tree=staged, **other)


def test_without_commands_nothing_is_touched(run: Run, staged: Tree) -> None:
    assert run() == (staged, [])


def test_what_they_write_travels_and_their_debris_does_not(run: Run, staged: Tree) -> None:
    tree, notes = run(
        "mkdir -p dist node_modules/it .parcel-cache __pycache__",
        "echo 1 > dist/app.js; echo 2 > node_modules/it/index.js; echo 3 > .parcel-cache/x; echo 4 > __pycache__/a.pyc",
        "echo new > app.py; rm gone.py; echo TOKEN=1 > .env; echo secret > deploy.key; ln -s app.js dist/link.js",
    )
    assert sorted(tree.paths - staged.paths) == ["dist/app.js", "dist/link.js"]
    assert staged.paths - tree.paths == {"gone.py"}
    assert {entry.path: entry.digest for entry in tree.entries}["app.py"] != staged.entries[1].digest
    assert notes == ["build: 3 files written by its commands (app.py, dist/)"]


def test_nothing_of_the_users_own_directory_changes(run: Run, tmp_path: Path) -> None:
    run("echo new > app.py; rm gone.py")
    assert (tmp_path / "theirs/app.py").read_text() == "old\n"
    assert (tmp_path / "theirs/gone.py").exists()


def test_they_get_the_builders_tools_and_none_of_its_secrets(
    run: Run, staged: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hush")
    monkeypatch.setenv("STRIPE_KEY", "hush")
    monkeypatch.setenv("npm_config_registry", "https://packages.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    run("env > seen; python -c 'import sys; print(sys.version_info[:2])' > version")
    seen = dict(line.partition("=")[::2] for line in (staged.project / "seen").read_text().splitlines())
    assert "hush" not in seen.values()
    assert seen["HOME"] == os.path.expanduser("~")
    assert seen["PATH"].endswith(os.environ["PATH"])
    assert (seen["npm_config_registry"], seen["HTTPS_PROXY"]) == ("https://packages.example", "http://proxy.example")
    assert (seen["STRIPE_KEY"], seen["DJANGO_SETTINGS_MODULE"]) == ("slipway-placeholder", "slipway_settings")
    assert (staged.project / "version").read_text() == f"{sys.version_info[:2]}\n"


def test_the_first_that_fails_shows_what_it_said_last(run: Run, staged: Tree) -> None:
    with pytest.raises(BuildError) as caught:
        run("true", "seq 1 100; echo no tailwind >&2; exit 3", "touch never")
    assert caught.value.setting == "build[1]"
    first, *said = str(caught.value).splitlines()
    assert first == (
        "build[1]: 'seq 1 100; echo no tailwind >&2; exit 3' should succeed in the project's directory "
        "(got exit code 3 after 0 s), correct it or what it runs. It said last:"
    )
    assert [line.strip() for line in said] == [*map(str, range(82, 101)), "no tailwind"]
    assert not (staged.project / "never").exists()


def test_one_that_does_not_end_goes_with_all_it_has_started(run: Run, staged: Tree) -> None:
    with pytest.raises(BuildError, match=r"\(got no end after 0 s\)"):
        run("sleep 60 & echo $! > child; wait", limit=0.4)
    child = int((staged.project / "child").read_text())
    until = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < until and not zombie(child):
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists() or zombie(child)


def test_one_that_asks_is_answered_with_nothing(run: Run, staged: Tree) -> None:
    run("read answer || echo nobody > answered")
    assert (staged.project / "answered").read_text() == "nobody\n"


def test_a_link_out_of_the_project_is_refused(run: Run) -> None:
    with pytest.raises(BuildError, match=r"dist: a symlink should stay inside the project \(got '/tmp'\)"):
        run("ln -s /tmp dist")


def test_they_are_part_of_what_a_build_is_found_by(staged: Tree) -> None:
    keys = {key(tree=staged, request=request) for request in (asked(), asked("a"), asked("a", "b"), asked("b", "a"))}
    assert len(keys) == 4


def zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
