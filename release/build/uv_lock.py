"""uv's own projects: uv.lock, of the project or of the workspace it is a member of, and pyproject.toml without one."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from release.build import indexes
from release.build.errors import BuildError
from release.build.indexes import Index
from release.build.statements import Source, Stage, lock_file, pyproject, requirement
from release.build.uv import UvFailed, uv

EXPORT = ("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-editable", "--no-annotate")
NAME = "uv.lock"


def from_uv_lock(directory: Path, stage: Stage) -> Source | None:
    if not (directory / NAME).exists():
        return None
    file, home = stage.name(directory / NAME), member(directory, stage)
    check_fresh(directory=directory, home=home, file=file)
    try:
        exported = uv([*EXPORT, "--no-header"], directory=home)
    except UvFailed as failure:
        reason = (str(failure).strip().splitlines() or ["uv gave no reason"])[0].removeprefix("error: ")
        raise BuildError(f"{file}: should be readable by uv (got {reason!r}), run `uv lock`") from None
    found = named(directory, home)
    return Source(file, directory, (), exported, exported, stage.top, found, renew="uv lock --upgrade")


def from_pyproject(directory: Path, stage: Stage) -> Source | None:
    content = pyproject(directory)
    if "dependencies" not in content.get("project", {}):
        return None
    stated = content["project"]
    parts = [stated["dependencies"], stated.get("requires-python"), content.get("tool", {}).get("uv")]
    file = stage.name(directory / "pyproject.toml")
    sources = content.get("tool", {}).get("uv", {}).get("sources", {}).values()
    entries = chain(*(each if isinstance(each, list) else [each] for each in sources))
    paths = tuple(entry["path"] for entry in entries if "path" in entry)
    return Source(file, directory, ("pyproject.toml",), repr(parts), None, stage.top, named(directory), paths)


def member(directory: Path, stage: Stage) -> Path:
    """Where the project's own pyproject.toml lies: beside the lock, or below it in a workspace."""
    below = (each for each in stage.directories if each.is_relative_to(directory))
    return next((each for each in below if "project" in pyproject(each)), directory)


def named(*directories: Path) -> tuple[Index, ...]:
    """The indexes that pyproject.toml and uv.toml name; uv itself would not ask the explicit ones of a closed set."""
    settings = [pyproject(each).get("tool", {}).get("uv", {}) for each in directories]
    files = [each / "uv.toml" for each in directories]
    settings += [lock_file(file, shown=file.name, way_out="correct it") for file in files if file.exists()]
    return tuple(dict.fromkeys(chain(*(stated(setting) for setting in settings))))


def stated(setting: dict[str, Any]) -> tuple[Index, ...]:
    extra = setting.get("extra-index-url", [])
    urls = [*([extra] if isinstance(extra, str) else extra), setting.get("index-url", "")]
    return indexes.of_tables([*setting.get("index", []), *({"url": url} for url in urls)])


def check_fresh(*, directory: Path, home: Path, file: str) -> None:
    """Refuse a uv.lock that does not know what pyproject.toml asks for now."""
    project = pyproject(home).get("project", {})
    asked = [*project.get("dependencies", []), *chain(*project.get("optional-dependencies", {}).values())]
    packages = lock_file(directory / NAME, shown=file, way_out="run `uv lock`").get("package", [])
    known = requires_dist(packages=packages, project=project.get("name", ""))
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
