"""What is written down beside an artifact when it is built; the format is told in release/provenance.py."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from release import provenance
from release.build import git, requirements
from release.build.cache import Cache
from release.build.requirements import Requested
from release.build.tree import Tree
from release.build.uv import uv

KIND = "artifacts"
HASH = re.compile(r"--hash=(\S+)")


def note(*, cache: Cache, record: dict[str, Any], artifact: str) -> None:
    """Keep the record of a first build."""
    before = read(cache=cache, artifact=artifact)
    cache.write(kind=KIND, key=artifact, value=provenance.best([before, {**record, "artifact": artifact}]))


def correct(*, cache: Cache, artifact: str, tree: Tree) -> None:
    """An artifact that was built with changes has its commit once the same files are committed."""
    known = read(cache=cache, artifact=artifact)
    if known and known["dirty"] and not tree.changed:
        cache.write(kind=KIND, key=artifact, value={**known, **origin(tree)})


def read(*, cache: Cache, artifact: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = cache.read(kind=KIND, key=artifact)
    return found


def describe(*, tree: Tree, settings: str, builder: str, dependencies: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of a build that takes place now."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    tools = {"slipway": builder[:12], "python": version, "uv": uv(["--version"], directory=tree.project).split()[1]}
    return {
        "format": provenance.FORMAT,
        **origin(tree),
        "settings": settings,
        "builder": {**tools, "platform": sys.platform},
        "dependencies": dependencies,
    }


def origin(tree: Tree) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"commit": git.commit(tree.project) if tree.git else None, "dirty": bool(tree.changed), "built": now}


def listed(*, packages: Path, text: str) -> list[dict[str, Any]]:
    """Every installed package, with what fixes it in the closed set."""
    stated = requirements.parse(text)
    installed = {
        canonicalize_name(each.name): each.version for each in importlib.metadata.distributions(path=[str(packages)])
    }
    return [one(name=name, version=version, stated=stated) for name, version in sorted(installed.items())]


def one(*, name: str, version: str, stated: Iterable[Requested]) -> dict[str, Any]:
    own = [item for item in stated if item.name == name and (item.version is None or str(item.version) == version)]
    hashes = sorted({found for item in own for found in HASH.findall(item.text)})
    if hashes:
        return {"name": name, "version": version, "hashes": hashes}
    return {"name": name, "version": version, "from": place(own[0].text) if own else "the project"}


def place(text: str) -> str:
    """Where a package comes from; an address may carry what opens it, which is left out."""
    address = text.split("@", 1)[-1].split(" ;")[0].strip() if "://" in text else text.split(" ;")[0]
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.netloc else address
