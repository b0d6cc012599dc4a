"""How the projects of the corpus come about: generators and lockers as their own users run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

SHELF = Path(__file__).parent / "shelf"
UV = str(Path(sys.executable).with_name("uv"))
DJANGO = "django==5.2.*"
PYTHON = ">=3.11"  # so that the tools' own Python can lock it


def ran(*words: str, cwd: Path, input: str = "", env: Mapping[str, str] | None = None) -> str:
    """What a command printed; it has to end well."""
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "NO_COLOR": "1", **(env or {})}
    done = subprocess.run(words, cwd=cwd, input=input, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def tool(*words: str, package: str, cwd: Path) -> str:
    """A command of a package, in an environment of its own."""
    return ran(UV, "tool", "run", "--quiet", "--from", package, *words, cwd=cwd)


def compiled(cwd: Path, *wanted: str, hashes: bool = False, python: str = "3.13") -> str:
    """Requirements with every version named."""
    options = ("--quiet", "--no-header", "--no-annotate", "--python-version", python, "--universal")
    more = ("--generate-hashes",) if hashes else ()
    return ran(UV, "pip", "compile", "-", *options, *more, "--python", sys.executable, cwd=cwd, input="\n".join(wanted))


def start(directory: Path, *, name: str = "mysite", django: str = DJANGO) -> Path:
    """`django-admin startproject`, and an app to upload something with."""
    directory.mkdir(parents=True, exist_ok=True)
    tool("django-admin", "startproject", name, ".", package=django, cwd=directory)
    add_shelf(directory, settings=directory / name / "settings.py")
    return directory


def add_shelf(directory: Path, *, settings: Path) -> None:
    """The app, and a line in the settings for it."""
    shutil.copytree(SHELF, directory / "shelf", ignore=shutil.ignore_patterns("__pycache__"))
    append(settings, 'INSTALLED_APPS += ["shelf"]')


def append(file: Path, text: str) -> None:
    """Text at a file's end."""
    file.write_text(file.read_text() + "\n" + textwrap.dedent(text).strip() + "\n")


def write(file: Path, text: str) -> None:
    """A file, its directory with it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text).lstrip())


def replace(file: Path, pattern: str, new: str) -> None:
    """One place of a file, found by a pattern that has to be there."""
    text, count = re.subn(pattern, lambda _: new, file.read_text(), flags=re.DOTALL)
    assert count, f"{file.name}: {pattern} should be there"
    file.write_text(text)


def pyproject(directory: Path, *dependencies: str, more: str = "") -> None:
    """A pyproject.toml that names its dependencies."""
    listed = ", ".join(f'"{each}"' for each in dependencies)
    write(
        directory / "pyproject.toml",
        f'[project]\nname = "mysite"\nversion = "1.0"\nrequires-python = "{PYTHON}"\ndependencies = [{listed}]\n',
    )
    if more:
        append(directory / "pyproject.toml", more)


def index() -> str:
    """The package index this computer uses; tools that read no pip settings are told."""
    found = ran(sys.executable, "-m", "pip", "config", "list", cwd=Path.cwd())
    named = re.search(r"index-url='([^']+)'", found)
    return named[1] if named else default_index()


def default_index() -> str:
    """pip's own default, by its own name for it."""
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url)
