"""From whatever a project states to one closed, hashed set of requirements that includes what a release needs."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.build import requirements
from release.build.cache import canonical
from release.build.errors import BuildError
from release.build.explaining import uv_failure
from release.build.requirements import Requested
from release.build.sources import Source, find_source
from release.build.uv import UvFailed, uv

OLDEST_DJANGO = Version("4.2")
GUNICORN, OLDEST_GUNICORN = "gunicorn>=27.0.1,<28", Version("23")
STORAGES = "django-storages[s3]"
POSTGRES = "psycopg[binary]"
INPUTS = "# inputs: sha256-"
COMPILE = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header")


@dataclass(frozen=True)
class Dependencies:
    """Everything to install for a release; `directory` is where its relative paths start.

    `lock` is what to keep beside the stack file when the build is done, and `news` is told of it once; both are empty
    when the kept one answered.
    """

    text: str
    directory: Path
    source: str
    notes: tuple[str, ...]
    news: tuple[str, ...] = ()
    lock: str = ""


@dataclass(frozen=True)
class Answer:
    """A closed set of requirements, and the lock to keep when it is a new one."""

    text: str = ""
    lock: str = ""


@dataclass(frozen=True)
class Additions:
    """What a release needs beyond the project's own set, and which of the project's it takes the place of."""

    lines: tuple[str, ...]
    replaced: frozenset[str]
    notes: tuple[str, ...]


def resolve(*, stage: Path, root: str, lock: Path, python: str) -> Dependencies:
    """The closed set of a staged project; asks a package index only when the kept lock does not answer."""
    source = find_source(stage=stage, root=root)
    if source.locked is None:
        found = answer(source=source, own=None, lock=lock, python=python)
        return finish(found, own=[], source=source, notes=stated(found.text), lock=lock)
    own = requirements.parse(source.locked)
    require_django(own, source=source, python=python)
    extra = additions(own, python=python)
    found = answer(source=source, own=own, lock=lock, python=python) if extra.lines else Answer()
    kept = [item for item in own if item.name not in extra.replaced]
    return finish(found, own=kept, source=source, notes=extra.notes, lock=lock)


def answer(*, source: Source, own: list[Requested] | None, lock: Path, python: str) -> Answer:
    """The kept lock when it was made from these very inputs, else a new one."""
    inputs = hashlib.sha256(canonical([python, GUNICORN, STORAGES, POSTGRES, source.inputs])).hexdigest()
    text = lock.read_text() if lock.exists() else ""
    refuse_unreadable(text, lock=lock)
    if f"{INPUTS}{inputs}\n" in text:
        return Answer(text=text)
    text = compiled(source=source, own=own, previous=text, python=python)
    return Answer(text=text, lock=f"{explained(source)}{INPUTS}{inputs}\n{text}")


def refuse_unreadable(text: str, *, lock: Path) -> None:
    """A merge leaves both sides in a lock, and the marks between them."""
    try:
        requirements.parse(text)
    except InvalidRequirement as error:
        got = (str(error).splitlines() or [""])[0]
        rule = "should be a list of requirements, as slipway wrote it"
        raise BuildError(f"{lock.name}: {rule} (got {got}), take one side of the merge or delete it") from None


def compiled(*, source: Source, own: list[Requested] | None, previous: str, python: str) -> str:
    """The lock to keep: the whole set of an unlocked project, only what we add to a locked one."""
    project = own
    if project is None:
        project = requirements.parse(run(source=source, given=(), previous=previous, python=python))
    require_django(project, source=source, python=python)
    extra = additions(project, python=python)
    notes = "".join(f"# note: {note}\n" for note in extra.notes)
    if own is None and not extra.replaced:
        return notes + run(source=source, given=extra.lines, previous=previous, python=python)
    pins = [item.text for item in project if item.name not in extra.replaced]
    found = run(source=source, given=(*pins, *extra.lines), previous=previous, python=python, alone=True)
    present = {item.name for item in own or []} | extra.replaced
    back = extra.replaced & {canonicalize_name(Requirement(line).name) for line in extra.lines}
    added = [item for item in requirements.parse(found) if item.name in back or item.name not in present]
    return notes + requirements.render(added)


def additions(project: Sequence[Requested], *, python: str) -> Additions:
    """The runtime set, less what the project has itself."""
    versions = {item.name: item.version for item in requirements.applying(project, python=python)}
    parts = [gunicorn(versions), storages(versions), postgres(versions)]
    return Additions(
        lines=tuple(line for part in parts for line in part.lines),
        replaced=frozenset(name for part in parts for name in part.replaced),
        notes=tuple(note for part in parts for note in part.notes),
    )


def gunicorn(versions: dict[str, Version | None]) -> Additions:
    own = versions.get("gunicorn")
    if own and own >= OLDEST_GUNICORN:
        return Additions((), frozenset(), (f"gunicorn {own}: the project's own pin is used",))
    if own:
        note = f"gunicorn {own}: older than {OLDEST_GUNICORN}, {GUNICORN} is used instead"
        return Additions((GUNICORN,), frozenset({"gunicorn"}), (note,))
    return Additions((GUNICORN,), frozenset(), ())


def storages(versions: dict[str, Version | None]) -> Additions:
    has = "django-storages" in versions and "boto3" in versions
    return Additions(() if has else (STORAGES,), frozenset(), ())


def postgres(versions: dict[str, Version | None]) -> Additions:
    if "psycopg2" in versions and "psycopg2-binary" not in versions:
        return binary(name="psycopg2", version=versions["psycopg2"])
    if "psycopg-c" in versions:
        return binary(name="psycopg-c", version=versions["psycopg-c"], wheel="psycopg-binary")
    if "psycopg" in versions and "psycopg-binary" not in versions:
        line = f"{POSTGRES}=={versions['psycopg']}"
        return Additions((line,), frozenset(), ("psycopg: its binary package is added",))
    has = {"psycopg", "psycopg2-binary"} & set(versions)
    return Additions(() if has else (POSTGRES,), frozenset(), ())


def binary(*, name: str, version: Version | None, wheel: str = "psycopg2-binary") -> Additions:
    note = f"{name} has no wheel: {wheel} {version} is used instead"
    return Additions((f"{wheel}=={version}",), frozenset({name}), (note,))


def run(*, source: Source, given: Sequence[str], previous: str, python: str, alone: bool = False) -> str:
    """Resolve with uv; the previous lock is its preference, so that only what must change does."""
    with tempfile.TemporaryDirectory() as scratch:
        extra, out = Path(scratch) / "runtime.in", Path(scratch) / "lock.txt"
        extra.write_text("".join(f"{line}\n" for line in given))
        out.write_text(previous)
        place = ["--python", sys.executable, "--python-version", python]  # the target's may run in a root uv cannot see
        files = [str(extra)] if alone else [*source.files, str(extra)]
        try:
            uv([*COMPILE, *place, "-o", str(out), *files], directory=source.directory)
        except UvFailed as failure:
            said = str(failure).replace(f"{source.directory}/", "")
            raise BuildError(uv_failure(source=source.file, stderr=said)) from None
        return out.read_text()


def finish(found: Answer, *, own: list[Requested], source: Source, notes: tuple[str, ...], lock: Path) -> Dependencies:
    everything = [*own, *requirements.parse(found.text)]
    for item in everything:
        check(item, source=source)
    text = requirements.render(sorted(everything, key=lambda item: (item.name, item.text)))
    news = (f"{source.file}: resolved into {lock.name}, commit it beside the stack file",) if found.lock else ()
    return Dependencies(text, directory=source.directory, source=source.file, notes=notes, news=news, lock=found.lock)


def require_django(project: Sequence[Requested], *, source: Source, python: str) -> None:
    """What we add needs Django too, so only the project's own set tells whether it is one of Django's."""
    versions = {item.name: item.version for item in requirements.applying(project, python=python)}
    if "django" not in versions:
        raise BuildError(f"{source.file}: should name Django (got {len(versions)} packages without it), add it")
    django = versions["django"]
    if django and django < OLDEST_DJANGO:
        rule = f"should have Django {OLDEST_DJANGO} or newer, older ones do not run on Python {python}"
        raise BuildError(f"{source.file}: {rule} (got {django}), upgrade it")


def check(item: Requested, *, source: Source) -> None:
    if item.local and (os.path.isabs(item.local) or os.path.normpath(item.local).startswith("..")):
        rule = "a local package should lie inside the project"
        raise BuildError(f"{source.file}: {rule} (got {item.local!r}), publish it or move it in")
    if not item.is_fixed:
        rule = "each package should be fixed by hash or commit"
        raise BuildError(f"{source.file}: {rule} (got {item.text!r}), name a version or commit")


def stated(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("# note: ") for line in text.splitlines() if line.startswith("# note: "))


def explained(source: Source) -> str:
    whole = "every package" if source.locked is None else f"what a release needs beyond {source.file}"
    return f"# {whole}, resolved by slipway from {source.file}: commit this file; delete it to resolve anew.\n"
