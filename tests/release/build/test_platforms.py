"""Builds on computers that are not the servers' platform: the path a Mac takes, with the platform told, not asked.

It is not a Mac: the packages for "this computer" are Linux's here. What is for real is the path itself, two installs
from one lock, and that nothing of the servers' packages is ever started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from release.build import Artifact, BuildError, making, packages
from release.build.cache import Cache
from release.build.dependencies import Dependencies
from release.build.indexes import Index
from release.build.packages import Packages
from release.build.platforms import TARGET, Platform
from release.build.tree import Tree
from release.build.uv import UvFailed, environment, find_uv, uv
from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, site

pytestmark = pytest.mark.whole

LINUX = Platform("Linux", "x86_64", "2.41")
MAC = Platform("Darwin", "arm64")
ARM = Platform("Linux", "aarch64", "2.41")
NATIVE = f"{SETTINGS}import PIL.Image, psycopg\nassert PIL.Image.core and psycopg.pq.__impl__ == 'binary'\n"
BOMB = "raise SystemExit('the packages of the servers were started')\n"


@pytest.fixture
def native(run: Build, tmp_path: Path) -> Path:
    """A project that needs compiled packages to start."""
    return site(tmp_path / "native", settings=NATIVE)


@pytest.fixture
def on_linux(run: Build, native: Path) -> Artifact:
    """What it builds to where the servers' packages run."""
    return run(native, here=LINUX)


@pytest.fixture
def elsewhere(on_linux: Artifact, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another computer: nothing is built there yet, the servers' packages are unpacked already."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    for kind in ("packages", "layers"):
        shutil.copytree(cache / kind, tmp_path / "cache" / kind, copy_function=os.link)
    return tmp_path / "cache"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The installs a build asks uv for."""
    asked: list[Sequence[str]] = []

    def noted(arguments: Sequence[str], *, directory: Path, indexes: Sequence[Index] = (), file: str = "") -> str:
        asked.append(arguments)
        return uv(arguments, directory=directory, indexes=indexes, file=file)

    monkeypatch.setattr(packages, "uv", noted)
    return asked


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Whatever starts one of the servers' packages on this computer ends the build."""
    trees: list[Path] = []

    def install(**asked: object) -> Packages:
        made = packages.install(**asked)  # type: ignore[arg-type]
        for file in [*made.directory.glob("*/__init__.py"), *made.directory.glob("*.py")]:
            file.unlink()  # it may be a hard link
            file.write_text(BOMB)
        for library in made.directory.rglob("*.so*"):
            library.unlink()
            library.write_bytes(b"not for this computer")
        trees.append(made.directory)
        return made

    monkeypatch.setattr(making, "install", install)
    return trees


@pytest.mark.parametrize("here", [MAC, ARM, Platform("Linux", "x86_64", "2.17"), Platform("Linux", "x86_64")], ids=str)
def test_what_runs_the_servers_packages(here: Platform) -> None:
    assert (here.runs_target, LINUX.runs_target) == (False, True)


def test_a_mac_gives_the_same_artifact(
    run: Build,
    native: Path,
    on_linux: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: list[Sequence[str]],
    poisoned: list[Path],
) -> None:
    fresh = tmp_path / "cache"
    monkeypatch.setenv("SLIPWAY_CACHE", str(fresh))
    made = run(native, here=MAC)
    assert made.id == on_linux.id
    assert made.manifest["platform"] == TARGET
    assert ["--python-platform" in command for command in installed] == [True, False]
    trees = {path.parent for path in fresh.glob("packages/*/site-packages/PIL")}
    assert len(trees) == 2
    assert set(poisoned) < trees


@pytest.mark.usefixtures("elsewhere", "poisoned")
def test_arm_gives_the_same_artifact(run: Build, native: Path, on_linux: Artifact) -> None:
    assert run(native, here=ARM).id == on_linux.id


@pytest.mark.usefixtures("elsewhere", "poisoned")
def test_the_servers_packages_are_started_where_they_run(run: Build, native: Path) -> None:
    """The control: a build that does start them notices the poison."""
    with pytest.raises(BuildError, match="the packages of the servers were started"):
        run(native, here=LINUX)


def test_markers_are_the_servers(on_linux: Artifact, cache: Path) -> None:
    assert "appnope" in lock_of(cache).read_text()
    assert not list(cache.glob("packages/*/site-packages/appnope*"))


def test_the_kept_lock_is_for_every_platform(on_linux: Artifact, cache: Path) -> None:
    """What was resolved on Linux has wheels for a Mac, with the package that only a Mac needs."""
    place = ["--python-platform", "aarch64-apple-darwin", "--python-version", "3.13", "--target", str(cache / "no")]
    listed = ["--only-binary", ":all:", "-r", str(lock_of(cache))]
    command = [find_uv(), "pip", "install", "--dry-run", "--no-deps", *place, *listed]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    found = {line.split("==")[0].removeprefix(" + ") for line in done.stderr.splitlines() if line.startswith(" + ")}
    assert {"appnope", "pillow", "psycopg-binary", "django", "gunicorn"} <= found


def test_a_package_this_computer_has_no_wheel_for_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "error: Failed to build `nativething==1.0`\n  The build backend returned an error\nerror: no cc\n"
    monkeypatch.setattr(packages, "uv", lambda *_, **__: (_ for _ in ()).throw(UvFailed(said)))
    with pytest.raises(BuildError) as caught:
        packages.install_here(
            cache=Cache(tmp_path),
            dependencies=Dependencies("nativething==1.0\n", tmp_path, "requirements.txt", (), ()),
            tree=Tree(project=tmp_path, entries=(), git=False),
            packages=Packages(layer="", directory=tmp_path),
            python=Path("python3.13"),
            here=MAC,
        )
    assert str(caught.value) == (
        "requirements.txt: nativething==1.0 should have a wheel for this computer (macOS arm64), where collectstatic "
        "runs (got a source package that does not build here: error: no cc), name a package with wheels"
    )


def lock_of(cache: Path) -> Path:
    return cache.parent / "stacks" / "test.lock"
