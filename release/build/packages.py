"""The dependency layer: every package unpacked for the target, without anything that differs between two machines."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from release.build import exclusions, requirements
from release.build.cache import Cache, canonical
from release.build.credentials import bare, dressed
from release.build.dependencies import Dependencies
from release.build.errors import BuildError
from release.build.explaining import uv_failure
from release.build.layers import Member, pack
from release.build.platforms import TARGET, Platform
from release.build.resolving import ANY_INDEX
from release.build.tree import Tree
from release.build.uv import UvFailed, uv

PLATFORM_OPTION = "--python-platform"
FORMAT = 1  # raise it when the layer of the same requirements should come out different
TRACES = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
# Debian 13 has glibc 2.41.
STATED = re.compile(r"Programming Language :: Python :: (\d+\.\d+)")
FITTING = re.compile(r"any|manylinux(1|2010|2014)_x86_64|manylinux_2_(\d|[123]\d|4[01])_x86_64")


@dataclass(frozen=True)
class Packages:
    """An installed set: the layer's name and the same files unpacked on this machine."""

    layer: str
    directory: Path

    def version(self, name: str) -> str:
        found = list(importlib.metadata.distributions(name=name, path=[str(self.directory)]))
        return found[0].version if found else ""

    def pythons(self, name: str) -> list[str]:
        """The minor versions a package says it runs on, in its own order: oldest first."""
        found = importlib.metadata.distributions(name=name, path=[str(self.directory)])
        said = [line for one in found for line in one.metadata.get_all("Classifier") or []]
        return [match[1] for line in said if (match := STATED.fullmatch(line))]


def install(*, cache: Cache, dependencies: Dependencies, tree: Tree, python: str) -> Packages:
    """Install for the target once per set of requirements and Python; later builds find it."""
    key = digest(dependencies=dependencies, tree=tree, place=[python, TARGET])
    directory = cache.path(kind="packages", name=f"{key}/site-packages")
    with cache.locked(f"packages-{key}"):
        layer = cache.read(kind="packages", key=key)
        if not layer or not directory.exists() or not cache.path(kind="layers", name=f"{layer}.tar.zst").exists():
            target = ["--python", sys.executable, "--python-version", python, PLATFORM_OPTION, TARGET]
            unpack(cache=cache, dependencies=dependencies, directory=directory, target=target)
            layer = pack(cache=cache, members=members(directory))
            cache.write(kind="packages", key=key, value=layer)
    return Packages(layer=layer, directory=directory)


def install_here(
    *, cache: Cache, dependencies: Dependencies, tree: Tree, packages: Packages, python: Path, here: Platform
) -> Packages:
    """The same set for this computer's own platform, where that is not the target's."""
    if here.runs_target:
        return packages
    place = [str(python), here.system, here.machine, here.glibc]
    key = digest(dependencies=dependencies, tree=tree, place=place)
    directory = cache.path(kind="packages", name=f"{key}/site-packages")
    with cache.locked(f"packages-{key}"):
        if not directory.exists():
            target = ["--python", str(python)]
            unpack(cache=cache, dependencies=dependencies, directory=directory, target=target, here=here)
    return Packages(layer=packages.layer, directory=directory)


def digest(*, dependencies: Dependencies, tree: Tree, place: list[str]) -> str:
    local = local_digests(dependencies=dependencies, tree=tree)
    return hashlib.sha256(canonical([FORMAT, dependencies.text, local, *place])).hexdigest()


def unpack(
    *, cache: Cache, dependencies: Dependencies, directory: Path, target: list[str], here: Platform | None = None
) -> None:
    with cache.scratch() as scratch:
        listed, unpacked = scratch / "requirements.txt", scratch / "site-packages"
        listed.write_text(dressed(dependencies.text, given=dependencies.given))
        command = ["pip", "install", "--quiet", "--no-deps", "--no-compile-bytecode", *ANY_INDEX, *target]
        try:
            uv(
                [*command, "--target", str(unpacked), "-r", str(listed)],
                directory=dependencies.directory,
                indexes=dependencies.indexes,
                file=dependencies.source,
            )
        except UvFailed as failure:
            where = f"this computer ({here.name}), where collectstatic runs" if here else "the servers"
            raise BuildError(uv_failure(source=dependencies.source, stderr=str(failure), where=where)) from None
        if PLATFORM_OPTION in target:
            check_wheels(target=unpacked, source=dependencies.source)
        clean(unpacked)
        shutil.rmtree(directory.parent, ignore_errors=True)
        directory.parent.mkdir(parents=True)
        os.replace(unpacked, directory)


def check_wheels(*, target: Path, source: str) -> None:
    for file in sorted(target.glob("*.dist-info/WHEEL")):
        tags = [line.split(":", 1)[1].strip() for line in file.read_text().splitlines() if line.startswith("Tag:")]
        platforms = {platform for tag in tags for platform in tag.split("-")[-1].split(".")}
        if tags and not any(FITTING.fullmatch(platform) for platform in platforms):
            package = file.parent.name.removesuffix(".dist-info").replace("-", " ")
            rule = f"{package} should have a wheel for {TARGET} or be pure Python"
            raise BuildError(f"{source}: {rule} (got {tags[0]}, built on this machine), use another")


def clean(target: Path) -> None:
    """Remove what the installing machine left: scripts with its paths, traces of its tools and their versions."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)
    for directory in target.glob("*.dist-info"):
        for trace in TRACES:
            (directory / trace).unlink(missing_ok=True)
        rewrite(directory / "RECORD", kept=is_recorded)
        rewrite(directory / "WHEEL", kept=lambda line: not line.startswith("Generator:"), ordered=False)
        undress(directory / "METADATA")


def undress(file: Path) -> None:
    """A package built here may name others by an address with a password in it."""
    content = file.read_bytes() if file.exists() else b""
    cleaned = b"\n".join(
        bare(line.decode()).encode() if line.startswith(b"Requires-Dist:") else line for line in content.split(b"\n")
    )
    if cleaned != content:
        file.unlink()
        file.write_bytes(cleaned)


def is_recorded(line: str) -> bool:
    path = line.split(",", 1)[0].strip('"')
    own = path.split("/")[-1]
    return not (path.startswith(("bin/", "../")) or own in (*TRACES, "WHEEL") or exclusions.is_bytecode(path))


def rewrite(file: Path, *, kept: Callable[[str], bool], ordered: bool = True) -> None:
    if file.exists():
        lines = [line for line in file.read_text().splitlines() if kept(line)]
        file.unlink()  # it may be a hard link into uv's own cache
        file.write_text("".join(f"{line}\n" for line in (sorted(lines) if ordered else lines)))


def members(directory: Path) -> Iterator[Member]:
    for parent, _, names in os.walk(directory):
        for name in names:
            file = Path(parent) / name
            path = f"site-packages/{file.relative_to(directory).as_posix()}"
            if not exclusions.is_bytecode(path):
                yield Member(path=path, source=file, executable=bool(file.stat().st_mode & 0o100))


def local_digests(*, dependencies: Dependencies, tree: Tree) -> list[list[str]]:
    """Packages that lie in the project change with its files, not with the lock."""
    base = dependencies.directory.relative_to(tree.project)
    local = [item.local for item in requirements.parse(dependencies.text) if item.local]
    prefixes = tuple(os.path.normpath(base / path) for path in local)
    return [
        [entry.path, entry.digest]
        for entry in tree.entries
        if any(prefix in (".", entry.path) or entry.path.startswith(f"{prefix}/") for prefix in prefixes)
    ]
