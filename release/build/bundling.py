"""The interpreter layer: a Python of uv's, fetched once and without anything that differs between two machines."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from release.build.cache import Cache, canonical
from release.build.errors import BuildError
from release.build.exclusions import is_bytecode
from release.build.interpreters import Choice, Offer
from release.build.layers import Member, pack
from release.build.platforms import Platform
from release.build.python import find_python
from release.build.uv import UvFailed, uv

FORMAT = 1  # raise it when the layer of the same interpreter should come out different
INSTALL = ("python", "install", "--no-bin", "--allow-python-downloads")
# What no site runs: tests, windows, the tools to install packages and to build C.
IDLE = re.compile(r"(test|idlelib|tkinter|turtledemo|ensurepip|site-packages|config-[^/]+)/|lib-dynload/_tkinter\.")
TELLING = re.compile(r"_sysconfigdata|_sysconfig_vars|build-details\.json")  # where it is installed
BUILT_AT = "/install"  # what uv has written its directory over


@dataclass(frozen=True)
class Interpreter:
    """What a project asks for, its layer if it is not the servers' own, and what runs it on this machine."""

    choice: Choice
    layer: str
    here: Path


def provide(*, cache: Cache, choice: Choice, here: Platform) -> Interpreter:
    """The bundled one itself runs the project's code on this machine where it can."""
    layer = bundle(cache=cache, choice=choice)
    fits = choice.bundled if here.runs_target else None
    inside = place_of(cache=cache, offer=fits) / "bin" / f"python{choice.minor}" if fits else None
    return Interpreter(choice, layer, find_python(choice.minor, bundled=inside))


def bundle(*, cache: Cache, choice: Choice) -> str:
    """The name of the layer with a bundled interpreter, or "" where the servers' own runs the site."""
    if not choice.bundled:
        return ""
    key, place = named(choice.bundled), place_of(cache=cache, offer=choice.bundled)
    with cache.locked(f"python-{key}"):
        layer = cache.read(kind="pythons", key=key)
        if not layer or not place.exists() or not cache.path(kind="layers", name=f"{layer}.tar.zst").exists():
            fetch(cache=cache, choice=choice, place=place)
            layer = pack(cache=cache, members=members(place, minor=choice.minor))
            cache.write(kind="pythons", key=key, value=layer)
    return str(layer)


def place_of(*, cache: Cache, offer: Offer) -> Path:
    """Where the interpreter itself lies on this machine."""
    return cache.path(kind="pythons", name=f"{named(offer)}/{offer.key}")


def named(offer: Offer) -> str:
    return hashlib.sha256(canonical([FORMAT, offer.key, offer.url])).hexdigest()


def fetch(*, cache: Cache, choice: Choice, place: Path) -> None:
    """Installed where it stays: uv writes the directory into a file of it."""
    assert choice.bundled
    shutil.rmtree(place.parent, ignore_errors=True)
    place.parent.mkdir(parents=True)
    try:
        uv([*INSTALL, "--install-dir", str(place.parent), choice.bundled.key], directory=place.parent)
    except UvFailed as failure:
        shutil.rmtree(place.parent, ignore_errors=True)
        got = reason(str(failure))
        rule = f"Python {choice.bundled.version}, which goes with the site, should be within uv's reach"
        way_out = "go online, set UV_PYTHON_INSTALL_MIRROR, or let the project run on the servers' own"
        raise BuildError(f"{choice.file}: {rule} (got: {got}), {way_out}") from None


def reason(stderr: str) -> str:
    """The last cause uv gives, whole: the ones before it only say what it was about to do."""
    parts = re.split(r"^\s*(?:error|cause|caused by): ", stderr, flags=re.IGNORECASE | re.MULTILINE)
    return " ".join(parts[-1].split()) or "no reason"


def members(place: Path, *, minor: str) -> Iterator[Member]:
    """The interpreter, its library and the standard library, below `python/`."""
    kept = [place / "bin" / f"python{minor}", *sorted((place / "lib").glob("libpython*"))]
    for file in [*kept, *library(place / "lib" / f"python{minor}")]:
        path = f"python/{file.relative_to(place).as_posix()}"
        if file.is_symlink():
            yield Member(path=path, link=os.readlink(file))
        elif TELLING.match(file.name):
            yield Member(path=path, content=file.read_bytes().replace(str(place).encode(), BUILT_AT.encode()))
        else:
            yield Member(path=path, source=file, executable=bool(file.stat().st_mode & 0o100))
    yield Member(path="python/bin/python3", link=f"python{minor}")


def library(directory: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(directory):
        for name in names:
            file = Path(parent) / name
            path = file.relative_to(directory).as_posix()
            if not is_bytecode(path) and not IDLE.match(path):
                yield file
