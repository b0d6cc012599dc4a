"""One id from two machines, two days, two users, two umasks; and a builder with a flaw is found out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from release.build.uv import PIP_FILES, find_uv
from tests.release.build.conftest import Build
from tests.release.build.elsewhere import PLANTS
from tests.release.build.projects import commit, git, site, write
from tests.release.build.seed import PYTHON

pytestmark = pytest.mark.whole

REPOSITORY = Path(__file__).parents[3]
STRANGER = ("unshare", "--user", "--map-user=4242", "--map-group=4242")


@cache
def becomes_another_user() -> bool:
    """Whether this kernel lets a process be another user to itself."""
    return bool(shutil.which("unshare")) and subprocess.run([*STRANGER, "true"], check=False).returncode == 0


@cache
def sources() -> dict[str, str]:
    """Where packages come from does not move with HOME."""
    kept = subprocess.run([find_uv(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    pip = [path for path in map(os.path.expanduser, PIP_FILES) if os.path.exists(path)]
    return {"UV_CACHE_DIR": kept, **({"PIP_CONFIG_FILE": pip[0]} if pip else {})}


@dataclass(frozen=True)
class Person:
    """Somebody at a computer."""

    home: Path
    umask: int = 0o022
    before: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def builds(self, project: Path, *, what: str = "artifact", lock: Path, plant: tuple[str, ...] = ()) -> str:
        """The id that comes of it there."""
        self.home.mkdir(exist_ok=True)
        module = [sys.executable, "-m", "tests.release.build.elsewhere"]
        places = {"HOME": str(self.home), "SLIPWAY_CACHE": str(self.home / "cache"), "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            [*self.before, *module, what, str(project), str(lock), PYTHON, *plant],
            cwd=self.home,
            env={**os.environ, **sources(), **places, **self.variables},
            umask=self.umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def here(tmp_path: Path) -> Person:
    return Person(tmp_path / "here", variables={"PYTHONHASHSEED": "1", "USER": "one"})


@pytest.fixture
def there(tmp_path: Path) -> Person:
    """Another user with another umask, language and time zone, on another day."""
    variables = {
        "PYTHONHASHSEED": "2",
        "USER": "other",
        "LOGNAME": "other",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "POSIX",
        "LANG": "de_DE.ISO-8859-1",
        "SOURCE_DATE_EPOCH": "1",
        "TMPDIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "elsewhere.settings",
    }
    return Person(tmp_path / "there", 0o077, STRANGER if becomes_another_user() else (), variables)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository in which names, modes, links and translations could go wrong."""
    made = site(tmp_path / "project")
    write(made, {"notes/größe.txt": "ä\n", "notes/run.sh": "#!/bin/sh\n", "Notes.txt": "x\n", "notes.d/z.txt": "z\n"})
    write(made, {"notes/locale/de/LC_MESSAGES/django.po": 'msgid "note"\nmsgstr "Größe"\n'})
    (made / "notes/run.sh").chmod(0o755)
    (made / "notes/link.txt").symlink_to("größe.txt")
    return commit(made)


def cloned(project: Path, target: Path) -> Path:
    """The same commit in another place, checked out on another day."""
    previous = os.umask(0o077)
    try:
        git(project, "clone", "-q", str(project), str(target))
    finally:
        os.umask(previous)
    for path in target.rglob("*"):
        os.utime(path, (86400, 86400), follow_symlinks=False)
    return target


def test_the_same_commit_has_the_same_id_with_everything_else_different(
    run: Build, builds: Path, project: Path, there: Person, tmp_path: Path
) -> None:
    """There nothing is in the cache: packages are installed and every layer is packed anew."""
    lock = Path(shutil.copy(builds / "stacks/test.lock", tmp_path / "elsewhere.lock"))
    assert there.builds(cloned(project, tmp_path / "clone"), lock=lock) == run(project).id


def test_the_code_layer_alone_too(project: Path, here: Person, there: Person, tmp_path: Path) -> None:
    lock, clone = tmp_path / "none", cloned(project, tmp_path / "clone")
    assert here.builds(project, what="code", lock=lock) == there.builds(clone, what="code", lock=lock)


@pytest.mark.parametrize("plant", PLANTS)
def test_a_builder_with_a_flaw_is_found_out(
    project: Path, here: Person, there: Person, tmp_path: Path, plant: str
) -> None:
    if plant == "owner" and not becomes_another_user():
        pytest.skip("no other user can be had here")
    lock, clone = tmp_path / "none", cloned(project, tmp_path / "clone")
    ids = [
        each.builds(tree, what="code", lock=lock, plant=(plant,)) for each, tree in ((here, project), (there, clone))
    ]
    assert ids[0] != ids[1]
