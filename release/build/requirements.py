"""Requirement files as data: which packages, which versions, fixed by which hash."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

COMMIT = re.compile(r"git\+.+@[0-9a-f]{40}(?![0-9a-f])")


@dataclass(frozen=True)
class Requested:
    """One requirement of a closed set, as it stands in the file."""

    name: str
    version: Version | None
    marker: Marker | None
    local: str | None
    text: str

    @property
    def commit(self) -> str:
        """The commit it is fixed to, as short as git tells it; empty for what lies in files."""
        found = COMMIT.search(self.text)
        return found[0][-40:-28] if found else ""

    @property
    def is_fixed(self) -> bool:
        return bool(self.local) or "--hash=" in self.text or bool(COMMIT.search(self.text))


def parse(text: str) -> list[Requested]:
    """All requirements of a file; comments and options are not among them."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    cleaned = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in lines)
    return [one(line) for line in cleaned if line and (not line.startswith("-") or is_editable(line))]


def stated(text: str) -> list[Requested]:
    """The requirements of whatever text a project states them in; none where it is no list of them."""
    try:
        return parse(text)
    except InvalidRequirement:
        return []


def one(line: str) -> Requested:
    line = re.sub(r"^(-e|--editable)[ =]", "", line).strip()
    stated = line.split("--hash=")[0].strip()
    if stated.startswith((".", "/", "file:")):
        path = re.sub(r"\[[^]]*\]$", "", stated.split(";")[0].split("#")[0].strip()).removeprefix("file://")
        return Requested(name="", version=None, marker=None, local=path.removeprefix("file:"), text=line)
    requirement = Requirement(stated)
    pins = [pin.version for pin in requirement.specifier if pin.operator == "==" and "*" not in pin.version]
    return Requested(
        name=canonicalize_name(requirement.name),
        version=Version(pins[0]) if len(pins) == 1 else None,
        marker=requirement.marker,
        local=local_path(requirement.url or ""),
        text=line,
    )


def local_path(url: str) -> str | None:
    """The path of a package that lies in files; None for one that is fetched."""
    path = url.removeprefix("file://").removeprefix("file:")
    return path.split("#")[0] if path and (path != url or not re.match(r"[a-z+]+:|git@", url)) else None


def is_editable(line: str) -> bool:
    return line.startswith(("-e ", "-e=", "--editable"))


def is_closed(text: str) -> bool:
    """Whether a requirements file is a lock by itself: every line pinned and hashed, nothing included."""
    options = [line for line in text.splitlines() if line.startswith(("-r", "-c", "--requirement", "--constraint"))]
    try:
        found = parse(text)
    except InvalidRequirement:
        return False
    return bool(found) and not options and all(item.version and "--hash=" in item.text for item in found)


def applying(requested: Iterable[Requested], *, python: str) -> list[Requested]:
    """The requirements whose markers hold on the target."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return [item for item in requested if item.marker is None or item.marker.evaluate({**environment, "extra": ""})]


def render(requested: Iterable[Requested]) -> str:
    """A requirements file; hashes each on a line of their own."""
    lines = (re.sub(r"\s+(--hash=\S+)", r" \\\n    \1", item.text) for item in requested)
    return "".join(f"{line}\n" for line in lines)
