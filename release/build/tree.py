"""The files of a project that make its artifact, each with the digest of its content."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from release.build import exclusions, git
from release.build.cache import canonical
from release.build.errors import BuildError
from release.build.neighbours import neighbours


@dataclass(frozen=True)
class Entry:
    """One file (or symlink) of the project."""

    path: str
    digest: str
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True)
class Tree:
    """A project directory as the builder sees it."""

    project: Path
    entries: tuple[Entry, ...]
    git: bool
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    # Where the project lies in its repository, and the entries (from the repository's top) that its packages are built
    # from and that are never packed themselves.
    below: str = ""
    beside: tuple[Entry, ...] = ()

    @property
    def digest(self) -> str:
        rows = [[entry.path, entry.digest, entry.executable, entry.link] for part in self.parts for entry in part]
        return hashlib.sha256(canonical(rows)).hexdigest()

    @property
    def parts(self) -> tuple[tuple[Entry, ...], ...]:
        """The project's own entries, and those beside it under a name no file of its own has."""
        return self.entries, tuple(replace(entry, path=f"//{entry.path}") for entry in self.beside)

    @property
    def top(self) -> Path:
        """The repository's directory, or the project's where it is no part of one."""
        above = Path(os.path.realpath(self.project)).parents
        return above[len(PurePosixPath(self.below).parts) - 1] if self.below else self.project

    def whole(self) -> "Tree":
        """The project in its place among what lies beside it."""
        own = tuple(replace(entry, path=f"{self.below}/{entry.path}".lstrip("/")) for entry in self.entries)
        entries = tuple(sorted((*own, *self.beside), key=lambda entry: entry.path))
        return replace(self, project=self.top, entries=entries, below="", beside=())

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.entries)

    def without(self, *, directories: Iterable[str]) -> "Tree":
        prefixes = tuple(f"{directory}/" for directory in directories)
        kept = tuple(entry for entry in self.entries if not entry.path.startswith(prefixes))
        return replace(self, entries=kept)


def read_tree(project: Path) -> Tree:
    """Every file that belongs into the artifact; every byte is read, so that no edit goes unseen."""
    tracked = git.is_repository(project)
    below = git.prefix(project) if tracked else ""
    listed = sorted(set(git.files(project) if tracked else walk(project)))
    taken, secrets = sifted(listed, project=project)
    check_case(project=project, paths=taken)
    entries = read_entries(project=project, paths=taken)
    tree = Tree(project=project, entries=entries, git=tracked, left_out=tuple(secrets), below=below)
    shared = neighbours(Path(os.path.realpath(project)), top=tree.top) if below else []
    beside = [*of_repository(tree, shared=shared), *building_only(tree)]
    changed = git.changes(project, *shared) if tracked else ()
    return replace(tree, beside=tuple(beside), changed=changed)


def sifted(listed: list[str], *, project: Path) -> tuple[list[str], list[str]]:
    """What may travel, and what never does; of what tools leave behind, neither."""
    environments = {str(PurePosixPath(path).parent) for path in listed if path.endswith("pyvenv.cfg")}
    candidates = [path for path in listed if not is_inside(path=path, directories=environments)]
    secrets = [path for path in candidates if exclusions.secret_kind(path=path, file=project / path)]
    return [path for path in candidates if path not in set(secrets) and not exclusions.is_bytecode(path)], secrets


def of_repository(tree: Tree, *, shared: list[str]) -> list[Entry]:
    """The files of packages and lists that lie beside the project."""
    places = [(path, tree.top / path) for path in shared]
    listed = [
        file for path, place in places for file in (git.files(place, below=f"{path}/") if place.is_dir() else [path])
    ]
    taken, secrets = sifted(sorted(set(listed)), project=tree.top)
    stated = [path for path in secrets if exclusions.is_statement(tree.top / path)]
    return list(read_entries(project=tree.top, paths=sorted([*taken, *stated])))


def building_only(tree: Tree) -> list[Entry]:
    """Statements of dependencies with a password in them: needed to build, and staying here."""
    paths = [path for path in tree.left_out if exclusions.is_statement(tree.project / path)]
    entries = read_entries(project=tree.project, paths=paths)
    return [replace(entry, path=f"{tree.below}/{entry.path}".lstrip("/")) for entry in entries]


def walk(project: Path, *, below: str = "") -> Iterator[str]:
    """All files of a directory without git, less what tools leave behind."""
    for item in sorted(os.scandir(project / below), key=lambda item: item.name):
        path = f"{below}{item.name}"
        if exclusions.is_debris(item.name):
            continue
        if not item.is_dir(follow_symlinks=False):
            yield path
        elif not os.path.exists(os.path.join(item.path, "pyvenv.cfg")):
            yield from walk(project, below=f"{path}/")


def is_inside(*, path: str, directories: set[str]) -> bool:
    return any(str(parent) in directories and str(parent) != "." for parent in PurePosixPath(path).parents)


def check_case(*, project: Path, paths: Iterable[str]) -> None:
    """Refuse two names that are one file on this computer's disk: its content would be taken for both."""
    known: dict[str, str] = {}
    for path in paths:
        other = known.setdefault(path.casefold(), path)
        if other != path and same_file(project / path, project / other):
            rule = "names should differ by more than upper and lower case, this disk does not tell them apart"
            raise BuildError(f"{path}: {rule} (got {other} too), rename one in git")


def same_file(one: Path, other: Path) -> bool:
    return os.path.lexists(one) and os.path.lexists(other) and os.path.samestat(one.lstat(), other.lstat())


def read_entries(*, project: Path, paths: Iterable[str]) -> tuple[Entry, ...]:
    return tuple(entry for path in paths if (entry := read_entry(project=project, path=path)))


def read_entry(*, project: Path, path: str) -> Entry | None:
    """An entry for a regular file or symlink; None for what is gone (deleted, not committed) or is neither."""
    full = project / path
    if full.is_symlink():
        return read_link(project=project, path=path)
    if not full.is_file():
        return None
    content = full.read_bytes()
    if len(content) < 1024 and content.startswith(exclusions.LFS_POINTER):
        raise BuildError(f"{path}: should be the file itself (got a Git LFS pointer), run `git lfs pull`")
    executable = bool(full.stat().st_mode & 0o100)
    return Entry(path=path, digest=hashlib.sha256(content).hexdigest(), executable=executable)


def read_link(*, project: Path, path: str) -> Entry:
    target = os.readlink(project / path)
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if os.path.isabs(target) or inside.startswith(".."):
        raise BuildError(f"{path}: a symlink should stay inside the project (got {target!r}), copy what it points at")
    return Entry(path=path, digest=hashlib.sha256(target.encode()).hexdigest(), link=target)


def stage(*, tree: Tree, target: Path) -> Tree:
    """Copy the tree, so that nothing runs in the user's directory; the copies are hashed again."""
    for entry in tree.entries:
        copy = target / entry.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if entry.link is not None:
            copy.symlink_to(entry.link)
        else:
            shutil.copyfile(tree.project / entry.path, copy)
            copy.chmod(0o755 if entry.executable else 0o644)
    return replace(tree, project=target, entries=read_entries(project=target, paths=sorted(tree.paths)))


def find_root(tree: Tree) -> str:
    """The directory with manage.py: the project itself, or the one directory below that has it."""
    files = [PurePosixPath(path) for path in tree.paths if PurePosixPath(path).name == "manage.py"]
    places = sorted((file.parent for file in files), key=lambda place: (depth(place), place))
    nearest = [place for place in places if depth(place) == depth(places[0])]
    if len(nearest) == 1:
        return "" if str(nearest[0]) == "." else str(nearest[0])
    got = " and ".join(f"{place}/manage.py" for place in nearest[:3]) or "none"
    way_out = "name the directory of one of them" if nearest else "name the directory that has it"
    raise BuildError(f"should have one manage.py (got {got} in {tree.project}), {way_out}", setting="project")


def depth(path: PurePosixPath) -> int:
    return len(path.parts)
