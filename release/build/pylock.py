"""pylock.toml, the lock file that is nobody's own (PEP 751)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.build import indexes, markers
from release.build.errors import BuildError
from release.build.statements import Source, Stage, asked, lock_file, pyproject

NAMES = ("pylock.toml", "pylock.production.toml", "pylock.prod.toml")
# By the word in `created-by`; the same command resolves anew.
TOOLS = {"uv": "uv export -o {0}", "pip": "pip lock . -o {0}", "pdm": "pdm lock -f pylock"}


def from_pylock(directory: Path, stage: Stage) -> Source | None:
    found = [directory / name for name in NAMES if (directory / name).exists()]
    if not found:
        return None
    file = stage.name(found[0])
    lock = lock_file(found[0], shown=file, way_out="write it anew")
    renew = TOOLS.get(lock.get("created-by", ""), "the tool that wrote {0}").format(found[0].name)
    packages = lock.get("packages", [])
    check_fresh(packages, directory=directory, file=file, renew=renew)
    groups = lock.get("default-groups", [])
    text = "".join(f"{line}\n" for package in packages for line in lines(package, groups=groups, file=file))
    found_indexes = indexes.of_tables(index_of(package, packages=packages) for package in packages)
    return Source(file, directory, (), text, text, stage.top, found_indexes, renew=renew)


def index_of(package: dict[str, Any], *, packages: list[dict[str, Any]]) -> dict[str, Any]:
    """Where a package came from; what Django came from too is the default of whoever wrote the lock."""
    usual = [each.get("index") for each in packages if canonicalize_name(each["name"]) == "django"]
    return {"url": package.get("index"), "default": package.get("index") in usual}


def check_fresh(packages: list[dict[str, Any]], *, directory: Path, file: str, renew: str) -> None:
    """It holds no digest of what it was made from, so each requirement is looked for."""
    for wanted in asked(pyproject(directory)):
        if not any(meets(package, wanted=wanted) for package in packages):
            rule = "should be up to date with pyproject.toml"
            raise BuildError(f"{file}: {rule} (got no {str(wanted)!r}), run `{renew}`")


def meets(package: dict[str, Any], *, wanted: Requirement) -> bool:
    if canonicalize_name(package["name"]) != canonicalize_name(wanted.name):
        return False
    version = package.get("version")
    return version is None or wanted.specifier.contains(version, prereleases=True)


def lines(package: dict[str, Any], *, groups: list[str], file: str) -> Iterator[str]:
    """The requirement a package is; none for the project itself."""
    marker = markers.suffix(markers.without_groups(package.get("marker", ""), groups=groups))
    if vcs := package.get("vcs"):
        below = f"#subdirectory={vcs['subdirectory']}" if "subdirectory" in vcs else ""
        where = vcs.get("url") or f"file:{vcs['path']}"
        yield f"{package['name']} @ {vcs['type']}+{where}@{vcs['commit-id']}{below}{marker}"
    elif directory := package.get("directory"):
        path = os.path.normpath(os.path.join(directory["path"], directory.get("subdirectory", "")))
        if path != ".":
            yield f"{path if path.startswith('.') else f'./{path}'}{marker}"
    elif archive := package.get("archive"):
        where = f"{package['name']} @ {archive['url']}" if "url" in archive else f"./{archive['path']}"
        yield f"{where}{marker}{hashes([archive])}"
    else:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        yield f"{package['name']}=={version(package, file=file)}{marker}{hashes(files)}"


def version(package: dict[str, Any], *, file: str) -> str:
    if "version" not in package:
        rule = f"{package['name']} should have a version"
        raise BuildError(f"{file}: {rule} (got wheels without one), lock a package that has it")
    return str(package["version"])


def hashes(files: list[dict[str, Any]]) -> str:
    pairs = sorted({(name, value) for file in files for name, value in file.get("hashes", {}).items()})
    return "".join(f" --hash={name}:{value}" for name, value in pairs)
