"""The kept lock of a project without one of its own, resolved anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from release.build import requirements
from release.build.building import keep
from release.build.cache import default_cache
from release.build.dependencies import Dependencies, resolve
from release.build.errors import BuildError
from release.build.interpreters import choose
from release.build.making import surroundings
from release.build.packages import install
from release.build.request import SERVERS_PYTHON
from release.build.sources import find_source
from release.build.statements import Source
from release.build.tree import find_root, read_tree, stage


@dataclass(frozen=True)
class Renewed:
    """What a lock was made from, and how its packages changed: `name old -> new`."""

    source: str
    changes: tuple[str, ...]


def relock(project: Path, *, lock: Path, python: str = SERVERS_PYTHON) -> Renewed:
    """Resolve as if there were no lock; it is written last of all, when everything in it has been installed."""
    with default_cache().scratch() as scratch:
        found = renewed(project, lock=lock, python=python, scratch=scratch)
    before = lock.read_text() if lock.exists() else ""
    keep(lock=lock, text=found.lock)
    return Renewed(found.source, tuple(changes(before, found.lock)))


def renewed(project: Path, *, lock: Path, python: str, scratch: Path) -> Dependencies:
    tree = read_tree(project.absolute())
    root = find_root(tree)
    staged = stage(tree=tree, target=scratch / "src")
    whole = surroundings(scratch=scratch, tree=tree, staged=staged)
    place = whole.project / tree.below if tree.beside else whole.project
    refuse_locked(find_source(stage=place, root=root, top=whole.project), lock=lock)
    nothing, minor = scratch / lock.name, choose(stage=staged.project, root=root, servers=python).minor
    found = resolve(stage=place, root=root, lock=nothing, python=minor, top=whole.project)
    install(cache=default_cache(), dependencies=found, tree=whole, python=minor)
    return found


def refuse_locked(source: Source, *, lock: Path) -> None:
    if source.locked is None:
        return
    way_out = f"renew it with {source.renew}" if source.renew else "renew it with the tool that wrote it"
    rest = f"; what a release needs beyond it is resolved anew once {lock.name} is deleted" if lock.exists() else ""
    raise BuildError(f"{source.file}: is the project's own lock, which slipway takes as it is, {way_out}{rest}")


def changes(before: str, after: str) -> Iterator[str]:
    """One line for each package that is another now."""
    old, new = versions(before), versions(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}"


def versions(text: str) -> dict[str, str]:
    """What a lock fixes of each package: a version, a commit, or several for several platforms."""
    found: dict[str, set[str]] = {}
    for item in requirements.stated(text):
        fixed = str(item.version) if item.version else item.commit
        found.setdefault(item.name or str(item.local), set()).add(fixed)
    return {name: " and ".join(sorted(each)) for name, each in found.items()}
