"""The interpreter that runs these tests, offered to uv as one that it can fetch, where nothing can be fetched."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import tarfile
from pathlib import Path

MINOR = "{}.{}".format(*sys.version_info[:2])
# The real one, moved beside its library; a version manager's is built for one directory only.
START = """#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH=$here/lib exec "$here/lib/libpython-start" "$@"
"""
LEFT = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "site-packages", "config-*", "idlelib", "ensurepip", "*_test*"
)


def offered(directory: Path, *, version: str = platform.python_version()) -> str:
    """What UV_PYTHON_DOWNLOADS_JSON_URL is to be, for uv to know this one interpreter and no other."""
    archive = packed(directory)
    key, facts = entry(version, "linux", "gnu", "")
    facts |= {"url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
    listed = directory / "downloads.json"
    listed.write_text(json.dumps({key: facts}))
    return listed.as_uri()


def packed(directory: Path) -> Path:
    """An archive in the shape that uv's own have."""
    base, place = Path(sys.base_prefix), directory / "python"
    (place / "bin").mkdir(parents=True)
    library = f"lib/python{MINOR}"  # Debian's has links to its settings, which an archive must not
    shutil.copytree(base / library, place / library, ignore=LEFT, ignore_dangling_symlinks=True)
    for shared in base.glob("lib/libpython*.so.*"):
        shutil.copy2(shared, place / "lib")
    shutil.copy2(Path(sys.base_exec_prefix) / f"bin/python{MINOR}", place / "lib/libpython-start")
    (place / f"bin/python{MINOR}").write_text(START)
    (place / f"bin/python{MINOR}").chmod(0o755)
    archive = directory / f"python-{MINOR}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(place, "python")
    shutil.rmtree(place)
    return archive


def entry(version: str, system: str, libc: str, prerelease: str) -> tuple[str, dict[str, object]]:
    """One as uv's own list of what it can fetch has them."""
    major, minor, patch = map(int, version.split("."))
    return f"cpython-{version}{prerelease}-{system}-x86_64-{libc}", {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": system, "libc": libc,
        "major": major, "minor": minor, "patch": patch, "prerelease": prerelease, "variant": None,
        "url": "https://x/1", "sha256": "0" * 64, "build": "20260101",
    }  # fmt: skip
