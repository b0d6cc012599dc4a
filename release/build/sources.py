"""Where a project states its dependencies: uv.lock, requirements.txt or pyproject.toml, in this order."""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from release.build import requirements
from release.build.errors import BuildError
from release.build.uv import UvFailed, uv

EXPORT = ("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-editable", "--no-annotate")
INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
NAMES = ("requirements.txt", "requirements/production.txt", "requirements/prod.txt")
OTHERS = ("poetry.lock", "Pipfile.lock", "Pipfile", "environment.yml", "setup.py", "setup.cfg")
PLAIN = "pip freeze > requirements.txt"
EXPORTS = {
    "poetry.lock": "poetry export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "Pipfile": "pipenv requirements --hash > requirements.txt",
}


@dataclass(frozen=True)
class Source:
    """One statement of dependencies; `locked` is its closed set when it is a lock by itself."""

    file: str
    directory: Path
    files: tuple[str, ...]
    inputs: str
    locked: str | None = None


def find_source(*, stage: Path, root: str) -> Source:
    """The file that decides, beside manage.py or at the top of the project."""
    directories = list(dict.fromkeys((stage / root, stage)))
    ways: list[Callable[[Path, Path], Source | None]] = [from_uv_lock, from_requirements, from_pyproject]
    for way in ways:
        for directory in directories:
            if found := way(directory, stage):
                return found
    others = [name for directory in directories for name in OTHERS if (directory / name).exists()]
    rule = "should state its dependencies in uv.lock, requirements.txt or pyproject.toml"
    got, way_out = (others[0], EXPORTS.get(others[0], PLAIN)) if others else ("none", PLAIN)
    raise BuildError(f"{rule} (got {got}), write one with {way_out}", setting="project")


def from_uv_lock(directory: Path, stage: Path) -> Source | None:
    if not (directory / "uv.lock").exists():
        return None
    file = name(directory / "uv.lock", stage)
    check_fresh(directory=directory, file=file)
    try:
        exported = uv([*EXPORT, "--no-header"], directory=directory)
    except UvFailed as failure:
        reason = (str(failure).strip().splitlines() or ["uv gave no reason"])[0].removeprefix("error: ")
        raise BuildError(f"{file}: should be readable by uv (got {reason!r}), run `uv lock`") from None
    return Source(file=file, directory=directory, files=(), inputs=exported, locked=exported)


def from_requirements(directory: Path, stage: Path) -> Source | None:
    for candidate in NAMES:
        if (directory / candidate).exists():
            inputs = included(directory / candidate)
            locked = inputs if requirements.is_closed(inputs) else None
            return Source(name(directory / candidate, stage), directory, (candidate,), inputs, locked)
    return None


def from_pyproject(directory: Path, stage: Path) -> Source | None:
    content = pyproject(directory)
    if "dependencies" not in content.get("project", {}):
        return None
    stated = content["project"]
    parts = [stated["dependencies"], stated.get("requires-python"), content.get("tool", {}).get("uv")]
    return Source(name(directory / "pyproject.toml", stage), directory, ("pyproject.toml",), repr(parts))


def included(file: Path, seen: frozenset[Path] = frozenset()) -> str:
    """A requirements file followed by the files it includes."""
    if file.resolve() in seen:
        return ""
    text = read(file)
    paths = [path for path in INCLUDE.findall(text) if "://" not in path]
    for path in paths:
        if not (file.parent / path).is_file():
            raise BuildError(f"{file.name}: the files it includes should exist (got no {path!r}), add it or its lines")
    return "\n".join([text, *(included(file.parent / path, seen | {file.resolve()}) for path in paths)])


def check_fresh(*, directory: Path, file: str) -> None:
    """Refuse a uv.lock that does not know what pyproject.toml asks for now."""
    stated = pyproject(directory).get("project", {})
    asked = [*stated.get("dependencies", []), *chain(*stated.get("optional-dependencies", {}).values())]
    try:
        packages = tomllib.loads((directory / "uv.lock").read_text()).get("package", [])
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{file}: should be a uv lock file (got {error}), run `uv lock`") from None
    known = requires_dist(packages=packages, project=stated.get("name", ""))
    for line in asked if known is not None else []:
        wanted = requirement(line)
        if not any(same(wanted=wanted, locked=item) for item in known or []):
            raise BuildError(f"{file}: should be up to date with pyproject.toml (got no {line!r}), run `uv lock`")


def requires_dist(*, packages: Iterable[dict[str, Any]], project: str) -> list[dict[str, Any]] | None:
    own = [package for package in packages if canonicalize_name(package["name"]) == canonicalize_name(project)]
    return own[0].get("metadata", {}).get("requires-dist", []) if own else None


def same(*, wanted: Requirement, locked: dict[str, Any]) -> bool:
    if canonicalize_name(wanted.name) != canonicalize_name(locked["name"]):
        return False
    elsewhere = {"git", "url", "path", "directory", "editable", "virtual", "workspace"} & set(locked)
    return bool(elsewhere) or SpecifierSet(locked.get("specifier", "")) == wanted.specifier


def pyproject(directory: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read(directory / "pyproject.toml"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"pyproject.toml: should be valid TOML (got {error}), correct it") from None


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


def name(file: Path, stage: Path) -> str:
    return file.relative_to(stage).as_posix()
