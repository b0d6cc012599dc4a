"""poetry.lock: its main group, without extras."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from release.build import indexes, markers
from release.build.errors import BuildError
from release.build.poetry_graph import reached
from release.build.statements import Source, Stage, lock_file, pyproject

NAME = "poetry.lock"
WITH_GROUPS = (2, 1)  # the first lock version that says of each package by which group it is needed, and when
PROJECT = ("requires-python", "dependencies", "optional-dependencies")
LEGACY = ("dependencies", "source", "extras", "dev-dependencies")


def from_poetry_lock(directory: Path, stage: Stage) -> Source | None:
    if not (directory / NAME).exists():
        return None
    file, content = stage.name(directory / NAME), pyproject(directory)
    lock = lock_file(directory / NAME, shown=file, way_out="run `poetry lock`")
    check_fresh(lock, content=content, file=file)
    files = lock.get("metadata", {}).get("files", {})  # of locks before 2.0
    text = "".join(f"{line(package, marker, files=files)}\n" for package, marker in main(lock, content=content))
    found = indexes.of_tables(content.get("tool", {}).get("poetry", {}).get("source", []))
    return Source(file, directory, (), text, text, stage.top, found, renew="poetry update --lock")


def check_fresh(lock: Mapping[str, Any], *, content: Mapping[str, Any], file: str) -> None:
    """The lock holds the digest of what it was made from; Poetry 2.3 began to count dependency groups."""
    locked = lock.get("metadata", {}).get("content-hash")
    if content and locked and locked not in (content_hash(content), content_hash(content, groups=False)):
        raise BuildError(
            f"{file}: should be made from this very pyproject.toml (got an older one's), run `poetry lock`"
        )


def content_hash(content: Mapping[str, Any], *, groups: bool = True) -> str:
    """As Poetry makes it; what it stands for decides whether absent sections count as null."""
    project = {key: content["project"][key] for key in PROJECT if key in content.get("project", {})}
    grouped = content.get("dependency-groups", {}) if groups else {}
    stated = content.get("tool", {}).get("poetry", {})
    absent = () if project or grouped else LEGACY
    poetry = {key: stated.get(key) for key in (*LEGACY, "group") if key in stated or key in absent}
    parts = {"project": project, "dependency-groups": grouped}
    relevant: dict[str, Any] = {name: part for name, part in parts.items() if part}
    relevant = {**relevant, "tool": {"poetry": poetry}} if relevant else poetry
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def main(lock: Mapping[str, Any], *, content: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The packages of the main group, each with the marker under which it is needed."""
    packages = lock.get("package", [])
    stated = tuple(map(int, re.findall(r"\d+", lock.get("metadata", {}).get("lock-version", "1.0"))))
    if stated < WITH_GROUPS:
        yield from reached(packages, roots=content.get("tool", {}).get("poetry", {}).get("dependencies", {}))
        return
    for package in packages:
        if "main" in package.get("groups", ["main"]):
            marker = package.get("markers", "")
            marker = marker.get("main", "") if isinstance(marker, dict) else marker
            yield package, markers.without_extras(marker)


def line(package: Mapping[str, Any], marker: str, *, files: Mapping[str, Any]) -> str:
    """The requirement a locked package is."""
    source, condition = package.get("source", {}), markers.suffix(marker)
    kind, url = source.get("type", ""), source.get("url", "")
    fixed = "".join(
        sorted(f" --hash={file['hash']}" for file in package.get("files") or files.get(package["name"], []))
    )
    if kind == "git":
        below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        address = url if "://" in url else f"ssh://{url.replace(':', '/', 1)}"  # git@host:path
        return f"{package['name']} @ git+{address}@{source['resolved_reference']}{below}{condition}"
    if kind == "url":
        return f"{package['name']} @ {url}{condition}{fixed}"
    if kind in ("directory", "file"):
        return f"{url if url.startswith('.') else f'./{url}'}{condition}{fixed if kind == 'file' else ''}"
    return f"{package['name']}=={package['version']}{condition}{fixed}"
