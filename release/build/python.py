"""The target's Python on this machine: the one that runs the project's own code at build."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from release.build.errors import BuildError
from release.build.uv import find_uv


def find_python(version: str) -> Path:
    """An interpreter of this version that really runs (a version manager's shim may refuse)."""
    for candidate in candidates(version):
        if runs(python=candidate, version=version):
            return Path(candidate)
    raise BuildError(
        f"python{version}: should be on PATH, the servers run it (got none that starts), "
        f"install it (`uv python install {version}`) or work inside the rehearsal"
    )


def candidates(version: str) -> Iterator[str]:
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        if found := shutil.which(f"python{version}", path=directory or None):
            yield found
    if "{}.{}".format(*sys.version_info[:2]) == version:
        yield sys.executable
    command = [find_uv(), "python", "find", "--no-project", "--no-python-downloads", version]
    yield from subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[:1]


def runs(*, python: str, version: str) -> bool:
    code = "import sys; print('{}.{}'.format(*sys.version_info[:2]))"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version
