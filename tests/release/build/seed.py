"""What all builds of a run begin with: the small project's packages, resolved, installed and packed once."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

from release.build import build, layers
from tests.release.build.projects import site

PYTHON = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache (`cache`) and a lock (`stacks/test.lock`) of this process's own, its packages those of all of the run."""
    own, base = tmp_path_factory.mktemp("slipway"), tmp_path_factory.getbasetemp()
    _take(_planted(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base), own)
    return own


def surround(patch: pytest.MonkeyPatch, *, cache: Path) -> None:
    """Build with this cache, and in less time."""
    patch.setenv("SLIPWAY_CACHE", str(cache))
    # Layers are named by what is in them, not by how hard it was pressed.
    patch.setattr(layers, "LEVEL", 1)
    # The interpreter itself: a version manager's stand-in for it takes longer than what is started with it.
    patch.setenv("PATH", str(Path(os.path.realpath(sys.executable)).parent), prepend=os.pathsep)


def _planted(place: Path) -> Path:
    """A first build, by the first who comes; the others wait for it."""
    seed = place / "seed"
    with (place / "seed.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (seed / "stacks/test.lock").exists():
            surround(patch, cache=seed / "cache")
            build(site(seed / "site"), settings="site1.settings", lock=seed / "stacks/test.lock", python=PYTHON)
    return seed


def _take(seed: Path, own: Path) -> None:
    shutil.copytree(seed / "stacks", own / "stacks")
    shutil.copytree(seed / "cache/layers", own / "cache/layers", copy_function=os.link)
    (own / "cache/packages").mkdir()
    for kept in (seed / "cache/packages").iterdir():
        (own / "cache/packages" / kept.name).symlink_to(kept)
