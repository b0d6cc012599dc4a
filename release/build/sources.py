"""Where a project states its dependencies, and which statement decides when there are several."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from release.build import pylock, requirements_files
from release.build.errors import BuildError
from release.build.pipenv import from_pipfile_lock
from release.build.poetry import from_poetry_lock
from release.build.pylock import from_pylock
from release.build.requirements_files import from_requirements
from release.build.statements import Source, Stage, pyproject
from release.build.uv_lock import from_pyproject, from_uv_lock

__all__ = ["ORDER", "Source", "find_source"]

Way = Callable[[Path, Stage], Source | None]
# A lock before a list, and of the locks the one whose tool also tells where each package comes from.
WAYS: tuple[tuple[tuple[str, ...], Way], ...] = (
    (("uv.lock",), from_uv_lock),
    (pylock.NAMES, from_pylock),
    (("poetry.lock",), from_poetry_lock),
    (("Pipfile.lock",), from_pipfile_lock),
    (requirements_files.NAMES, from_requirements),
    (("pyproject.toml",), from_pyproject),
)
ORDER = "uv.lock, pylock.toml, poetry.lock, Pipfile.lock, requirements.txt or pyproject.toml"
LOCKS = tuple(chain(*(names for names, _ in WAYS[:-1])))
WAYS_OUT = {"Pipfile": "pipenv lock", "environment.yml": "", "setup.py": "", "setup.cfg": ""}
PLAIN = "pip freeze > requirements.txt"


def find_source(*, stage: Path, root: str, top: Path | None = None) -> Source:
    """The file that decides, beside manage.py or at the top of the project; a workspace's lock lies above it."""
    place = Stage(stage, root, top or stage)
    for names, way in WAYS:
        for directory in (*place.directories, *(place.above if way is from_uv_lock else ())):
            if found := way(directory, place):
                return replace(found, others=beside(place, names=names))
    raise BuildError(unstated(place), setting="project")


def beside(place: Stage, *, names: tuple[str, ...]) -> tuple[str, ...]:
    """Statements that lie there too and are not read."""
    files = dict.fromkeys(each / name for each in place.directories for name in LOCKS if name not in names)
    return tuple(place.name(file) for file in files if file.exists())


def unstated(place: Stage) -> str:
    """Why there is nothing to read: nothing at all, or a statement that only its own tool can resolve."""
    rule = f"should state its dependencies in {ORDER}"
    for directory in place.directories:
        if "dependencies" in pyproject(directory).get("tool", {}).get("poetry", {}):
            return f"{rule} (got Poetry's pyproject.toml without its lock), write it with poetry lock"
    others = [name for each in place.directories for name in WAYS_OUT if (each / name).exists()]
    got = others[0] if others else "none"
    return f"{rule} (got {got}), write one with {WAYS_OUT.get(got) or PLAIN}"


def name(file: Path, stage: Path) -> str:
    return file.relative_to(stage).as_posix()
