"""requirements.txt and its relatives: pinned or not, with constraints, hashes and indexes of their own."""

import re
from pathlib import Path

from release.build import indexes, requirements
from release.build.errors import BuildError
from release.build.statements import Source, Stage, read

NAMES = (
    "requirements.txt", "requirements/production.txt", "requirements/prod.txt", "requirements-production.txt",
    "requirements-prod.txt", "requirements/requirements.txt", "requirements/base.txt",
)  # fmt: skip
INCLUDE = re.compile(r"^(-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", re.MULTILINE)
MERGED = re.compile(r"^(?:<{7}|={7}|>{7})(?= |$)", re.MULTILINE)  # what git leaves around both sides
CONSTRAINING = ("-c", "--constraint")


def from_requirements(directory: Path, stage: Stage) -> Source | None:
    for candidate in NAMES:
        if (directory / candidate).exists():
            inputs = included(directory / candidate)
            whole = INCLUDE.sub("", included(directory / candidate, constraints=False))
            locked = whole if requirements.is_closed(whole) else None
            found = indexes.of_requirements(inputs, directory=directory)
            shown = stage.name(directory / candidate)
            return Source(shown, directory, (candidate,), inputs, locked, stage.top, found)
    return None


def included(file: Path, seen: frozenset[Path] = frozenset(), *, constraints: bool = True) -> str:
    """A requirements file followed by the files it includes; what only constrains is asked for or left out."""
    if file.resolve() in seen:
        return ""
    text = read(file)
    if merged := MERGED.search(text):
        line = text.count("\n", 0, merged.start()) + 1
        raise BuildError(f"{file.name}: should be one side of the merge (got {merged[0]} in line {line}), resolve it")
    paths = [path for option, path in INCLUDE.findall(text) if constraints or option not in CONSTRAINING]
    paths = [path for path in paths if "://" not in path]
    for path in paths:
        if not (file.parent / path).is_file():
            raise BuildError(f"{file.name}: the files it includes should exist (got no {path!r}), add it or its lines")
    below = seen | {file.resolve()}
    return "\n".join([text, *(included(file.parent / path, below, constraints=constraints) for path in paths)])
