"""Packages that no server can have, made on the spot for an installer to find."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from tests.release.build.projects import write

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
PYPROJECT = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
NO_COMPILER = """\
def build_wheel(directory, settings=None, metadata=None):
    raise RuntimeError("command 'x86_64-linux-gnu-gcc' failed: No such file or directory")
"""


def for_windows(directory: Path, name: str) -> None:
    """A package with a wheel for another system, and nothing else."""
    tag = "py3-none-win_amd64"
    files = {
        f"{name}.py": "",
        f"{name}-1.0.dist-info/METADATA": METADATA.format(name=name),
        f"{name}-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n",
        f"{name}-1.0.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(directory / f"{name}-1.0-{tag}.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


def in_need_of_a_compiler(directory: Path, name: str) -> None:
    """A source package that does not build where no compiler is."""
    files = {"pyproject.toml": PYPROJECT, "backend.py": NO_COMPILER, "PKG-INFO": METADATA.format(name=name)}
    source = write(directory / "source", files)
    with tarfile.open(directory / f"{name}-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname=f"{name}-1.0")
