"""Which Python a project runs on: the servers' own where the project admits it, else one that travels with it."""

import json
import re
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from release.build.errors import BuildError
from release.build.sources import name
from release.build.statements import pyproject, read
from release.build.uv import UvFailed, uv

OLDEST = (3, 11)  # older ones get no security fixes any more
LISTED = ("python", "list", "--only-downloads", "--all-versions", "--all-platforms", "--all-arches")
TARGET = {"os": "linux", "arch": "x86_64", "libc": "gnu", "implementation": "cpython", "variant": "default"}


@dataclass(frozen=True)
class Offer:
    """An interpreter that uv can fetch for the servers; its address names the very build."""

    key: str
    version: Version
    url: str

    @property
    def minor(self) -> str:
        return f"{self.version.major}.{self.version.minor}"


@dataclass(frozen=True)
class Statement:
    """Where a project says which Python it is for; one of the ranges has to hold."""

    file: Path
    key: str
    text: str
    ranges: tuple[SpecifierSet, ...]

    def admits(self, version: Version) -> bool:
        return any(each.contains(version) for each in self.ranges)


@dataclass(frozen=True)
class Choice:
    """The Python of a project: a minor version, and what to bundle where the servers have another."""

    minor: str
    file: str = ""  # that asks for it
    bundled: Offer | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.bundled:
            return ()
        fixes = "its security fixes come with new releases only"
        return (f"python: {self.bundled.version} is bundled, as {self.file} asks; {fixes}",)


def choose(*, stage: Path, root: str, servers: str) -> Choice:
    """The servers' Python when the project admits it, else the nearest that it does; of that the newest."""
    stated = statement(list(dict.fromkeys((stage / root, stage))))
    if not stated or any(stated.admits(Version(f"{servers}.{patch}")) for patch in range(40)):
        return Choice(servers)
    file = name(stated.file, stage)
    fitting = [offer for offer in offers() if stated.admits(offer.version)]
    if not fitting:
        rule = f"{stated.key}should admit {servers}, the servers' Python, or one that uv can fetch, {oldest()} or newer"
        raise BuildError(f"{file}: {rule} (got {stated.text!r}), run the project with {servers} and say so there")
    return bundling(fitting, file=file, servers=servers)


def statement(directories: Sequence[Path]) -> Statement | None:
    """requires-python and its like decide, without them a .python-version; beside manage.py before the top."""
    ways = (of_pyproject, of_poetry, of_pipfile, of_python_version)
    return next((found for way in ways for directory in directories if (found := way(directory))), None)


def of_pyproject(directory: Path) -> Statement | None:
    wanted = pyproject(directory).get("project", {}).get("requires-python")
    return stating(directory / "pyproject.toml", "requires-python ", wanted)


def of_poetry(directory: Path) -> Statement | None:
    """Poetry's own words, of which `^3.11` and `~3.12` are none of everybody's."""
    wanted = pyproject(directory).get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python")
    plain = [",".join(map(standard, part.split(","))) for part in str(wanted or "").split("||")]
    return stating(directory / "pyproject.toml", "python ", wanted, plain)


def of_pipfile(directory: Path) -> Statement | None:
    file = directory / "Pipfile"
    try:
        wanted = tomllib.loads(read(file)).get("requires", {}).get("python_version") if file.exists() else None
    except tomllib.TOMLDecodeError:
        return None  # its lock decides, and Pipenv has read it
    return stating(file, "python_version ", wanted, [f"=={wanted}.*"])


def of_python_version(directory: Path) -> Statement | None:
    """Of what it names the minor version: its patch is whatever was newest when it was written."""
    file = directory / ".python-version"
    named = re.match(r"\s*(?:cpython-)?(\d+\.\d+)", read(file)) if file.exists() else None
    return stating(file, "", named[1], [f"=={named[1]}.*"]) if named else None


def stating(file: Path, key: str, wanted: object, admitted: Sequence[str] = ()) -> Statement | None:
    """What cannot be read as a range is left to the tool that wrote it."""
    try:
        ranges = tuple(map(SpecifierSet, admitted or [str(wanted)]))
    except InvalidSpecifier:
        return None
    return Statement(file, key, str(wanted), ranges) if wanted else None


def standard(part: str) -> str:
    """One range of Poetry's as everybody writes it."""
    found = re.fullmatch(r"\s*([~^]?)\s*(\d+)(?:\.(\d+))?((?:\.[\d*]+)*)\s*", part)
    if not found:
        return "" if part.strip() == "*" else part
    sign, major, minor, patch = found.groups("")
    if sign == "^" or not minor:
        return f">={major}.{minor or 0}{patch if minor else ''},<{int(major) + 1}"
    return f">={major}.{minor}{patch},<{major}.{int(minor) + 1}" if sign else f"=={major}.{minor}{patch or '.*'}"


def bundling(fitting: Sequence[Offer], *, file: str, servers: str) -> Choice:
    own = Version(servers).minor
    taken = max(fitting, key=lambda offer: (-abs(offer.version.minor - own), offer.version))
    return Choice(taken.minor, file=file, bundled=taken)


def offers() -> list[Offer]:
    """What this uv knows for the servers; asked of its own list, not of the network."""
    with tempfile.TemporaryDirectory() as nowhere:  # no project's settings for uv
        try:
            found = json.loads(uv([*LISTED, "--output-format", "json"], directory=Path(nowhere)))
        except UvFailed as failure:
            said = (str(failure).strip().splitlines() or ["nothing"])[-1].strip()
            raise BuildError(f"uv: should list the Pythons it can fetch (got {said!r}), run `make setup`") from None
    fitting = (each for each in found if all(each.get(key) == value for key, value in TARGET.items()))
    known = (Offer(each["key"], Version(each["version"]), each["url"] or "") for each in fitting)
    return [offer for offer in known if offer.version.release[:2] >= OLDEST and not offer.version.is_prerelease]


def oldest() -> str:
    return ".".join(map(str, OLDEST))
