"""The target's Python on this machine: the one that runs the project's own code at build."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from release.build.cache import default_cache
from release.build.errors import BuildError
from release.build.uv import UvFailed, find_uv, uv


def find_python(version: str, *, bundled: Path | None = None) -> Path:
    """An interpreter of this version that really runs (a version manager's shim may refuse)."""
    for candidate in chain([str(bundled)] if bundled else [], candidates(version), fetched(version)):
        if runs(python=candidate, version=version):
            return Path(candidate)
    raise BuildError(
        f"python{version}: should be on PATH, the servers run it (got none that starts, and none within uv's reach), "
        f"install it (`.venv/bin/uv python install {version}`) or work inside the rehearsal"
    )


def candidates(version: str) -> Iterator[str]:
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        if found := shutil.which(f"python{version}", path=directory or None):
            yield found
    if "{}.{}".format(*sys.version_info[:2]) == version:
        yield sys.executable
    command = [find_uv(), "python", "find", "--no-project", "--no-python-downloads", version]
    yield from subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[:1]


def fetched(version: str) -> Iterator[str]:
    """One of slipway's own, brought by uv into its cache."""
    cache = default_cache()
    place = cache.path(kind="pythons", name="here")
    place.mkdir(parents=True, exist_ok=True)
    command = ["python", "install", "--quiet", "--no-bin", "--allow-python-downloads"]
    with contextlib.suppress(UvFailed), cache.locked("python-here"):
        uv([*command, "--install-dir", str(place), version], directory=place)
    yield from map(str, sorted(place.glob(f"cpython-{version}.*/bin/python{version}"), reverse=True))


def runs(*, python: str, version: str) -> bool:
    code = "import sys; print('{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version
