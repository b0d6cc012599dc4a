"""The package indexes a project names itself, said in uv's words; their users and passwords are the builder's own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from release.build.credentials import VARIABLE, bare
from release.build.errors import BuildError

PUBLIC = "pypi"  # so named, it means this computer's own default, which may be a mirror of it
OPTION = re.compile(r"^\s*(-i|--index-url|--extra-index-url|--pypi-url)(?:\s*=\s*|\s+)(\S+)", re.MULTILINE)
BESIDE = "--extra-index-url"
LINKS = re.compile(r"^\s*(?:-f|--find-links)(?:\s*=\s*|\s+)(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Index:
    """A package index, by the name under which its credentials are asked for.

    The project's `default` is asked only where this computer has none of its own (pip.conf, UV_DEFAULT_INDEX).
    """

    url: str = field(repr=False)  # it may hold a password
    name: str = ""
    default: bool = False
    links: bool = False  # a directory or page of files rather than an index

    @property
    def shown(self) -> str:
        """What may be said of it: its name, or its address without what opens it."""
        return self.name or bare(self.url)


def of_requirements(text: str, *, directory: Path) -> tuple[Index, ...]:
    """Those of --index-url, --extra-index-url and --find-links lines."""
    found = [Index(url.strip("'\""), default=option != BESIDE) for option, url in OPTION.findall(text)]
    places = [place if "://" in place else str(directory / place) for place in LINKS.findall(text)]
    return own([*found, *(Index(place, links=True) for place in places)])


def of_tables(tables: Iterable[Mapping[str, Any]]) -> tuple[Index, ...]:
    """Those of [[tool.uv.index]], [[tool.poetry.source]] or a Pipfile's [[source]]."""
    stated = [table for table in tables if table.get("url")]
    return own(Index(str(table["url"]), str(table.get("name", "")), bool(table.get("default"))) for table in stated)


def own(found: Iterable[Index]) -> tuple[Index, ...]:
    return tuple(dict.fromkeys(index for index in found if index.name.lower() != PUBLIC))


def variables(indexes: Iterable[Index], *, file: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What to set for uv: the project's indexes are asked before this computer's default."""
    has_default = bool(environment.get("UV_DEFAULT_INDEX"))
    asked = [replace(index, url=expand(index.url, file=file, environment=environment)) for index in indexes
             if not (index.default and has_default)]  # fmt: skip
    named = [f"{key(index.name)}={index.url}" if index.name else index.url for index in asked if not index.links]
    links = [index.url for index in asked if index.links]
    added = {"UV_INDEX": joined(environment.get("UV_INDEX", ""), named, by=" "),
             "UV_FIND_LINKS": joined(environment.get("UV_FIND_LINKS", ""), links, by=",")}  # fmt: skip
    return {**credentials(asked, environment=environment), **{name: value for name, value in added.items() if value}}


def joined(given: str, more: list[str], *, by: str) -> str:
    return by.join([*(given.split(by) if given else []), *more])


def credentials(indexes: Iterable[Index], *, environment: Mapping[str, str]) -> dict[str, str]:
    """What Poetry's variables say of an index, in uv's."""
    found: dict[str, str] = {}
    for name in (index.name for index in indexes if index.name):
        for part in ("USERNAME", "PASSWORD"):
            value = environment.get(f"POETRY_HTTP_BASIC_{variable(name)}_{part}")
            if value and (said := f"UV_INDEX_{variable(key(name))}_{part}") not in environment:
                found[said] = value
    return found


def key(name: str) -> str:
    """An index's name in the letters uv takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)


def variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def expand(url: str, *, file: str, environment: Mapping[str, str]) -> str:
    """${NAME} as this shell has it."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            rule = f"an index of it needs the variable {match[1]}"
            raise BuildError(f"{file}: {rule} (got none), export it in the shell that runs slipway")
        return environment[match[1]]

    return VARIABLE.sub(value, url)
