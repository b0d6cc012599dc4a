"""What a poetry.lock before version 2.1 leaves to be found: which packages the main group needs, and when.

A package is needed under the conditions of any path that leads to it. Each path is the set of markers on its way; one
that asks for less takes the place of those that ask for the same and more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from release.build import markers

Package = Mapping[str, Any]
Path = frozenset[str]


@dataclass(frozen=True)
class Edge:
    """One dependency of the project or of a package."""

    name: str
    constraint: str
    marker: str
    extras: tuple[str, ...]


def reached(packages: Sequence[Package], *, roots: Mapping[str, Any]) -> Iterator[tuple[Package, str]]:
    """The packages that the roots need, each with its marker."""
    edges = [edge for edge in stated(roots, chosen=(), extras={}) if edge.name != "python"]
    found: dict[int, set[Path]] = {}
    seen: dict[tuple[int, tuple[str, ...]], set[Path]] = {}
    todo = [(edge, Path()) for edge in edges]
    while todo:
        edge, path = todo.pop()
        path = path | {edge.marker} if edge.marker else path
        for number in candidates(packages, edge=edge):
            if add(seen.setdefault((number, edge.extras), set()), path):
                add(found.setdefault(number, set()), path)
                package = packages[number]
                below = stated(package.get("dependencies", {}), chosen=edge.extras, extras=package.get("extras", {}))
                todo += [(each, path) for each in below]
    for number in sorted(found):
        yield packages[number], joined(found[number])


def add(paths: set[Path], path: Path) -> bool:
    """Whether the path says something new."""
    if any(known <= path for known in paths):
        return False
    paths -= {known for known in paths if path < known}
    paths.add(path)
    return True


def joined(paths: set[Path]) -> str:
    if Path() in paths:
        return ""
    return " or ".join(sorted(" and ".join(f"({marker})" for marker in sorted(path)) for path in paths))


def candidates(packages: Sequence[Package], *, edge: Edge) -> list[int]:
    """Of several versions of a package, those the edge admits, as far as that can be told."""
    same = [number for number, package in enumerate(packages) if canonicalize_name(package["name"]) == edge.name]
    fitting = [number for number in same if admits(edge.constraint, version=packages[number]["version"])]
    return fitting if len(same) > 1 and fitting else same


def admits(constraint: str, *, version: str) -> bool:
    try:
        return any(SpecifierSet(part.strip()).contains(version, prereleases=True) for part in constraint.split("||"))
    except InvalidSpecifier:
        return True


def stated(table: Mapping[str, Any], *, chosen: Sequence[str], extras: Mapping[str, Sequence[str]]) -> Iterator[Edge]:
    """A table of dependencies; optional ones count only when a chosen extra names them."""
    named = {canonicalize_name(line.split()[0].split("[")[0]) for extra in chosen for line in extras.get(extra, [])}
    for name, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            entry = {"version": each} if isinstance(each, str) else each
            if not entry.get("optional") or canonicalize_name(name) in named:
                marker = condition(entry, chosen=chosen)
                wanted = tuple(sorted(entry.get("extras", [])))
                yield Edge(canonicalize_name(name), entry.get("version", "*").replace("*", ""), marker, wanted)


def condition(entry: Mapping[str, Any], *, chosen: Sequence[str]) -> str:
    """Its marker, and the Python versions and platform of Poetry's own keys."""
    parts = [markers.without_extras(entry["markers"], chosen=chosen)] if "markers" in entry else []
    parts += [f"sys_platform == '{entry['platform']}'"] if "platform" in entry else []
    try:
        versions = SpecifierSet(entry.get("python", "").replace("*", ""))
    except InvalidSpecifier:
        versions = SpecifierSet()  # Poetry's own ^ and ~: one package too many does no harm
    parts += [f"python_full_version {part.operator} '{part.version}'" for part in sorted(versions, key=str)]
    return markers.all_of(parts)
