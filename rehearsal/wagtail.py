"""A Django project nobody here wrote: the untouched output of `wagtail start`, by the newest Wagtail of the index."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rehearsal import paths

NAME = "mysite"
CACHE = paths.CACHE / "wagtail"
_PYTHON_VERSION = "3.13"


def make_wagtail_site(directory: Path, *, python: str) -> Path:
    """Put `wagtail start mysite`, run by the interpreter `python`, into `directory` unless it is there; its path."""
    site = directory / NAME
    if not (site / "manage.py").exists():
        directory.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(_made(newest(), python=python), site)
    return site


def newest() -> str:
    """The newest Wagtail of the host's package index; without an answer, the newest already made."""
    plain = ("-q", "--no-deps", "--no-header", "--no-annotate", "--python-version", _PYTHON_VERSION)
    done = _uv("pip", "compile", "-", *plain, input="wagtail\n")
    if found := re.search(r"^wagtail==(\S+)", done.stdout, re.MULTILINE):
        return found[1]
    if made := sorted(CACHE.glob(f"*/{NAME}/manage.py"), key=lambda file: _order(file.parent.parent.name)):
        return made[-1].parent.parent.name
    raise RuntimeError(f"wagtail: should be found in a package index, see the host's pip configuration\n{done.stderr}")


def _made(version: str, *, python: str) -> Path:
    """The project of this version: made once, then kept, as it carries a random key and would differ every time."""
    site = CACHE / version / NAME
    if site.exists():
        return site
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".making-") as scratch:
        _start(version, packages=Path(scratch) / "packages", directory=Path(scratch), python=python)
        (Path(scratch) / NAME).rename(site)
    return site


def _start(version: str, *, packages: Path, directory: Path, python: str) -> None:
    _checked(
        _uv(
            *("pip", "install", "-q", "--target", str(packages), "--only-binary", ":all:"),
            *("--python-version", _PYTHON_VERSION, "--python-platform", f"{platform.machine()}-manylinux_2_28"),
            f"wagtail=={version}",
        )
    )
    command = [python, "-m", "wagtail.bin.wagtail", "start", NAME]
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    _checked(subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False))


def _uv(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("uv")), *arguments, "--python", sys.executable]
    return subprocess.run(command, input=input, capture_output=True, text=True, check=False)


def _checked(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"wagtail: {done.args}: exit status {done.returncode}\n{done.stderr}{done.stdout}")


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
