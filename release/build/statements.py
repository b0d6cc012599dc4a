"""A project's statement of what it depends on, whichever tool it is written for."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from release.build.errors import BuildError
from release.build.indexes import Index


@dataclass(frozen=True)
class Stage:
    """A staged project: `root` is where its manage.py lies in it, `top` the repository it may lie in."""

    project: Path
    root: str
    top: Path

    @property
    def directories(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.project / self.root, self.project)))

    @property
    def above(self) -> tuple[Path, ...]:
        """The repository's directories that the project lies in, nearest first."""
        return tuple(each for each in self.project.parents if each.is_relative_to(self.top))

    def name(self, file: Path) -> str:
        """A file as seen from the project."""
        return os.path.relpath(file, self.project).replace(os.sep, "/")


@dataclass(frozen=True)
class Source:
    """One statement of dependencies; `locked` is its closed set when it is a lock by itself.

    `paths` are packages in files that it names in its tool's own words,
    `renew` is the command of the tool that wrote the lock, `others` are statements beside it that are not read.
    """

    file: str
    directory: Path
    files: tuple[str, ...]
    inputs: str
    locked: str | None = None
    top: Path | None = None
    indexes: tuple[Index, ...] = ()
    paths: tuple[str, ...] = ()
    renew: str = ""
    others: tuple[str, ...] = ()


def pyproject(directory: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read(directory / "pyproject.toml"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"pyproject.toml: should be valid TOML (got {error}), correct it") from None


def lock_file(file: Path, *, shown: str, way_out: str) -> dict[str, Any]:
    """The content of a tool's lock file in TOML; a merge leaves both sides in it."""
    try:
        return tomllib.loads(read(file))
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{shown}: should be a lock file (got {error}), {way_out}") from None


def asked(content: dict[str, Any]) -> list[Requirement]:
    """What a pyproject.toml's [project] asks for."""
    return [requirement(line) for line in content.get("project", {}).get("dependencies", [])]


def requirement(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        got = f"{line!r}: {str(error).splitlines()[0]}"
        raise BuildError(f"pyproject.toml: each dependency should be a requirement (got {got}), correct it") from None


def read(file: Path) -> str:
    """A text file of the project; PowerShell's `>` writes one that is not UTF-8."""
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        got = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "bytes that are not"
        raise BuildError(f"{file.name}: should be UTF-8 text (got {got}), save it as UTF-8") from None
