"""What a project needs of the repository it lies in: packages and lists beside it, its workspace's lock above it."""

import os
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

# Whatever tool reads it, a path that leads out of a directory is written with dots: -e ../shared, path = "../shared".
LEADING_OUT = re.compile(r"(?<![\w.])(\.\.?/[^\s\"'#;,\]\[)]*|\.\.(?=[\s\"'#;,\]\[)]|$))")
STATEMENTS = ("pyproject.toml", "uv.lock", "pylock*.toml", "poetry.lock", "Pipfile", "Pipfile.lock",
              "requirements*.txt", "requirements/*.txt", "constraints*.txt")  # fmt: skip
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
WORKSPACE = ("pyproject.toml", "uv.lock", "uv.toml")


def neighbours(project: Path, *, top: Path) -> list[str]:
    """Paths below `top`, outside of the project, that what it depends on is made from."""
    found: dict[Path, None] = {}
    todo = [project, *(each for each in project.iterdir() if (each / "manage.py").exists())]
    while todo:
        place = todo.pop()
        for path in (*workspace(place, top=top), *leading_out(place, home=project)):
            outside = path.is_relative_to(top) and not path.is_relative_to(project) and not project.is_relative_to(path)
            if outside and path.exists() and path not in found:
                found[path] = None
                todo.append(path)
    return sorted(path.relative_to(top).as_posix() for path in found if not any(up in found for up in path.parents))


def leading_out(place: Path, *, home: Path | None = None) -> Iterator[Path]:
    """The paths in the statements of a directory, or in a list that one of `home` includes.

    What a list includes it names as seen from itself, packages as seen from where pip would be run.
    """
    files = [file for name in STATEMENTS for file in place.glob(name)] if place.is_dir() else [place]
    for file in files:
        said = text(file)
        named = LEADING_OUT.findall(said) if "./" in said or ".." in said else []  # a lock is long, and seldom has one
        for path in named:
            for base in dict.fromkeys((file.parent, place if place.is_dir() else home or file.parent)):
                yield Path(os.path.normpath(base / path))


def workspace(place: Path, *, top: Path) -> Iterator[Path]:
    """Of the uv workspace a directory is a member of: its own files, and the members it depends on."""
    root = next((each for each in place.parents if each.is_relative_to(top) and is_member(place, root=each)), None)
    if root is None:
        return
    yield from (root / name for name in WORKSPACE)
    wanted = names(content(place))
    yield from leading_out(root)
    for member in members(root):
        if canonicalize_name(str(content(member).get("project", {}).get("name", ""))) in wanted:
            yield member


def is_member(place: Path, *, root: Path) -> bool:
    stated = content(root).get("tool", {}).get("uv", {}).get("workspace", {})
    path = place.relative_to(root).as_posix()
    inside = any(fnmatch(path, pattern.rstrip("/")) for pattern in stated.get("members", []))
    return inside and not any(fnmatch(path, pattern.rstrip("/")) for pattern in stated.get("exclude", []))


def members(root: Path) -> list[Path]:
    stated = content(root).get("tool", {}).get("uv", {}).get("workspace", {})
    found = [path for pattern in stated.get("members", []) for path in root.glob(pattern)]
    return [path for path in found if (path / "pyproject.toml").exists() and is_member(path, root=root)]


def names(project: dict[str, Any]) -> set[str]:
    """The packages a pyproject.toml names, whatever for."""
    stated = project.get("project", {})
    lines = [*stated.get("dependencies", []), *chain(*stated.get("optional-dependencies", {}).values())]
    found = (NAME.match(str(line)) for line in lines)
    return {canonicalize_name(match[1]) for match in found if match}


def content(place: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text(place / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def text(file: Path) -> str:
    """What cannot be read is told of later, by whoever needs it."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
