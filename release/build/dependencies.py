"""From whatever a project states to one closed, hashed set of requirements that includes what a release needs."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from release.build import requirements
from release.build.additions import GUNICORN, POSTGRES, STORAGES, additions
from release.build.cache import canonical
from release.build.credentials import bare, dressed
from release.build.errors import BuildError
from release.build.indexes import Index
from release.build.neighbours import leading_out, workspace
from release.build.requirements import Requested
from release.build.resolving import hashed, run
from release.build.sources import find_source
from release.build.statements import Source

OLDEST_DJANGO = Version("4.2")
INPUTS = "# inputs: sha256-"
METADATA = ("pyproject.toml", "setup.cfg", "setup.py")


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
    # How the project states them: its own closed set or not, its indexes, and its texts with passwords still in them.
    closed: bool = False
    stated: str = ""
    indexes: tuple[Index, ...] = ()
    given: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Answer:
    """A closed set of requirements, and the lock to keep when it is a new one."""

    text: str = ""
    lock: str = ""


def resolve(*, stage: Path, root: str, lock: Path, python: str, top: Path | None = None) -> Dependencies:
    """The closed set of a staged project; asks a package index only when the kept lock does not answer."""
    source = find_source(stage=stage, root=root, top=top)
    require_local(source)
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
    inputs = hashlib.sha256(canonical([python, GUNICORN, STORAGES, POSTGRES, inputs_of(source)])).hexdigest()
    text = lock.read_text() if lock.exists() else ""
    refuse_unreadable(text, lock=lock)
    if f"{INPUTS}{inputs}\n" in text:
        return Answer(text=text)
    text = bare(compiled(source=source, own=own, previous=dressed(text, given=[source.inputs]), python=python))
    return Answer(text=text, lock=f"{explained(source)}{INPUTS}{inputs}\n{text}")


def refuse_unreadable(text: str, *, lock: Path) -> None:
    """A merge leaves both sides in a lock, and the marks between them."""
    try:
        requirements.parse(text)
    except InvalidRequirement as error:
        got = (str(error).splitlines() or [""])[0]
        rule = "should be a list of requirements, as slipway wrote it"
        raise BuildError(f"{lock.name}: {rule} (got {got}), take one side of the merge or delete it") from None


def inputs_of(source: Source) -> str:
    """What a resolution was made from: the statement, and those of packages that lie in files; no password."""
    if source.locked is not None:
        return bare(source.inputs)
    top = source.top or source.directory
    local = {path for each in (source.directory,) for path in (*leading_out(each), *workspace(each, top=top))}
    files = [path / name for path in sorted(local) for name in METADATA if path != source.directory]
    texts = [file.read_text(errors="replace") for file in files if file.is_file() and file.is_relative_to(top)]
    return bare("\n".join([source.inputs, *texts]))


def compiled(*, source: Source, own: list[Requested] | None, previous: str, python: str) -> str:
    """The lock to keep: the whole set of an unlocked project, only what we add to a locked one."""
    project = own
    if project is None:
        project = hashed(run(source=source, given=(), previous=previous, python=python), source=source)
    require_django(project, source=source, python=python)
    extra = additions(project, python=python)
    notes = "".join(f"# note: {note}\n" for note in extra.notes)
    if own is None and not extra.replaced:
        found = run(source=source, given=extra.lines, previous=previous, python=python)
        return notes + requirements.render(hashed(found, source=source))
    pins = [item.text for item in project if item.name not in extra.replaced]
    found = run(source=source, given=(*pins, *extra.lines), previous=previous, python=python, alone=True)
    present = {item.name for item in own or []} | extra.replaced
    back = extra.replaced & {canonicalize_name(Requirement(line).name) for line in extra.lines}
    added = [item for item in requirements.parse(found) if item.name in back or item.name not in present]
    return notes + requirements.render(added)


def finish(found: Answer, *, own: list[Requested], source: Source, notes: tuple[str, ...], lock: Path) -> Dependencies:
    everything = list({item.text: item for item in (*own, *requirements.parse(found.text))}.values())
    for item in everything:
        check(item, source=source)
    text = bare(requirements.render(sorted(everything, key=lambda item: (item.name, item.text))))
    told = (f"{source.file} decides; beside it and not read: {', '.join(source.others)}",) if source.others else ()
    news = (f"{source.file}: resolved into {lock.name}, commit it beside the stack file",) if found.lock else ()
    return Dependencies(
        text,
        directory=source.directory,
        source=source.file,
        notes=(*told, *notes),
        news=news,
        lock=found.lock,
        closed=source.locked is not None,
        stated=bare(source.locked or source.inputs),
        indexes=source.indexes,
        given=(source.inputs, source.locked or ""),
    )


def require_django(project: Sequence[Requested], *, source: Source, python: str) -> None:
    """What we add needs Django too, so only the project's own set tells whether it is one of Django's."""
    versions = {item.name: item.version for item in requirements.applying(project, python=python)}
    if "django" not in versions:
        raise BuildError(f"{source.file}: should name Django (got {len(versions)} packages without it), add it")
    django = versions["django"]
    if django and django < OLDEST_DJANGO:
        rule = f"should have Django {OLDEST_DJANGO} or newer, older ones do not run on Python {python}"
        raise BuildError(f"{source.file}: {rule} (got {django}), upgrade it")


def require_local(source: Source) -> None:
    """Packages that lie in files lie in the repository, and are there: uv would tell of a path of this build's own."""
    named = (item.local for item in requirements.stated(source.locked or source.inputs))
    for path in dict.fromkeys((*filter(None, named), *source.paths)):
        check_local(path, source=source)
        if not (source.directory / path).exists():
            rule = "a local package should be there"
            raise BuildError(f"{source.file}: {rule} (got no {path!r}), add it or drop its line")


def check(item: Requested, *, source: Source) -> None:
    if item.local:
        check_local(item.local, source=source)
    if not item.is_fixed:
        rule = "each package should be fixed by hash or commit"
        raise BuildError(f"{source.file}: {rule} (got {item.text!r}), name a version or commit")


def check_local(local: str, *, source: Source) -> None:
    top = source.top or source.directory
    path = Path(os.path.normpath(source.directory / local))
    if os.path.isabs(local) or os.path.relpath(path, top).startswith(".."):
        lies = "project" if top == source.directory else "repository"
        rule = f"a local package should lie inside the {lies}"
        raise BuildError(f"{source.file}: {rule} (got {local!r}), publish it or move it in")


def stated(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("# note: ") for line in text.splitlines() if line.startswith("# note: "))


def explained(source: Source) -> str:
    whole, anew = "every package", "slipway relock resolves it anew"
    if source.locked is not None:
        whole, anew = f"what a release needs beyond {source.file}", "delete it to resolve anew"
    return f"# {whole}, resolved by slipway from {source.file}: commit this file; {anew}.\n"
