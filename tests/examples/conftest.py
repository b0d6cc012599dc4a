"""The example project with its pinned dependencies, in a copy that tests may fill with databases and uploads."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.paths import REPOSITORY, SHARED_CACHE

GALLERY = REPOSITORY / "examples" / "gallery"
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def dependencies() -> Path:
    """What the project's requirements name, installed once for the builder's own Python."""
    locked = GALLERY / "requirements.txt"
    digest = hashlib.sha256(locked.read_bytes() + sys.version.encode()).hexdigest()[:16]
    target = SHARED_CACHE / "tests" / f"gallery-compiled-{digest}"
    if not target.exists():
        making = target.with_name(f".{target.name}.{os.getpid()}")
        uv = Path(sys.executable).with_name("uv")
        command = [uv, "pip", "install", "-q", "--python", sys.executable, "--require-hashes", "--target", making]
        command.append("--compile-bytecode")  # half the time of every start
        subprocess.run([*map(str, command), "-r", str(locked)], check=True)
        try:
            making.rename(target)
        except OSError:  # another process of the tests was first
            shutil.rmtree(making)
    return target


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A copy of the project."""
    debris = shutil.ignore_patterns("__pycache__", "db.sqlite3", "media")
    return Path(shutil.copytree(GALLERY, tmp_path / "gallery", ignore=debris))


@pytest.fixture
def manage(gallery: Path, dependencies: Path) -> Manage:
    """`manage.py` of the copy, with nothing in the environment but what a call gives."""

    def run(
        *arguments: str, settings: str = "gallery.settings", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(dependencies), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-W", "error", "manage.py", *arguments],
            cwd=gallery,
            env={**own, "DJANGO_SETTINGS_MODULE": settings, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
