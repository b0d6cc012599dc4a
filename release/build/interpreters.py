"""Which Python a project runs on: the servers' own where the project admits it, else one that travels with it."""

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from release.build.errors import BuildError
from release.build.sources import name, pyproject, read
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
    """requires-python decides, and beside manage.py before the top; without it a .python-version does."""
    directories = list(dict.fromkeys((stage / root, stage)))
    for directory in directories:
        if wanted := pyproject(directory).get("project", {}).get("requires-python"):
            return required(str(wanted), file=name(directory / "pyproject.toml", stage), servers=servers)
    for directory in directories:
        file = directory / ".python-version"
        if file.exists() and (pinned := re.match(r"\s*(?:cpython-)?(\d+\.\d+)", read(file))):
            return named(pinned[1], file=name(file, stage), servers=servers)
    return Choice(servers)


def required(wanted: str, *, file: str, servers: str) -> Choice:
    """The servers' Python when it is admitted, else the nearest that is; of that the newest."""
    try:
        specifiers = SpecifierSet(wanted)
    except InvalidSpecifier:
        return Choice(servers)
    if any(specifiers.contains(f"{servers}.{patch}") for patch in range(40)):
        return Choice(servers)
    fitting = [offer for offer in offers() if specifiers.contains(offer.version)]
    if not fitting:
        rule = f"requires-python should admit {servers}, the servers' Python, or one that uv can fetch"
        raise BuildError(f"{file}: {rule}, {oldest()} or newer (got {wanted!r}), widen it")
    return bundling(fitting, file=file, servers=servers)


def named(minor: str, *, file: str, servers: str) -> Choice:
    if minor == servers:
        return Choice(servers)
    fitting = [offer for offer in offers() if offer.minor == minor]
    if not fitting:
        rule = f"should name {servers}, the servers' Python, or one that uv can fetch, {oldest()} or newer"
        raise BuildError(f"{file}: {rule} (got {minor}), run the project with {servers} and write that")
    return bundling(fitting, file=file, servers=servers)


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
