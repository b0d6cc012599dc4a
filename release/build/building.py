"""One build, from a project directory to an artifact in the cache."""

import contextlib
import hashlib
import importlib.metadata
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from release.build import provenance
from release.build.artifact import Artifact, load, save
from release.build.cache import Cache, canonical, default_cache
from release.build.errors import BuildError
from release.build.platforms import Platform
from release.build.request import OVERLAY, SERVERS_PYTHON, Request
from release.build.tree import Tree, read_tree

BUILDER = Path(__file__).parent
ARCHIVE = BUILDER.parent / "host/archive.py"


def build(
    project: Path,
    *,
    settings: str,
    env: Collection[str] = (),
    lock: Path,
    overlay: bool = True,
    interface: str | None = None,
    keep: Collection[str] = (),
    dirty_ok: bool = True,
    python: str = SERVERS_PYTHON,
    commands: Collection[str] = (),
    here: Platform | None = None,
) -> Artifact:
    """The artifact of a Django project; the second build of the same files only reads them."""
    if not project.is_dir():
        got, way_out = ("the file ", "write its directory") if project.exists() else ("", "correct the path")
        rule = "should be a directory with a manage.py"
        raise BuildError(f"{rule} (got {got}{str(project)!r}), {way_out}", setting="project")
    tree = read_tree(project.absolute())
    if tree.changed and not dirty_ok:
        refuse_dirty(tree)
    request = Request(
        settings=settings,
        env=tuple(sorted(set(env))),
        lock=lock,
        python=python,
        overlay=overlay,
        interface=interface or "",
        keep=tuple(sorted(set(keep))),
        commands=tuple(commands),
        here=here or Platform.here(),
    )
    cache = default_cache()
    found = known(cache=cache, tree=tree, request=request)
    if not found:
        with cache.locked(f"build-{key(tree=tree, request=request)}"):
            found = known(cache=cache, tree=tree, request=request) or make(cache=cache, tree=tree, request=request)
    provenance.correct(cache=cache, artifact=found.id, tree=tree)
    return replace(found, dirty=bool(tree.changed))


def refuse_dirty(tree: Tree) -> None:
    more = f" and {len(tree.changed) - 1} more" if tree.changed[1:] else ""
    rule = "should be committed in a protected stack"
    raise BuildError(f"{rule} (got changes in {tree.changed[0]}{more}), commit or stash them", setting="project")


def known(*, cache: Cache, tree: Tree, request: Request) -> Artifact | None:
    entry = cache.read(kind="index", key=key(tree=tree, request=request))
    artifact = load(entry["artifact"]) if entry and provenance.read(cache=cache, artifact=entry["artifact"]) else None
    return replace(artifact, notes=tuple(entry["notes"])) if artifact else None


def key(*, tree: Tree, request: Request) -> str:
    """Everything that can change what a build gives."""
    lock = request.lock.read_text() if request.lock.exists() else ""
    how = [request.overlay, request.interface, request.keep]
    asked = [request.settings, request.env, request.python, lock, request.commands, offering(), *how]
    return hashlib.sha256(canonical([tree.digest, tree.git, tree.left_out, asked, builder_digest()])).hexdigest()


def offering() -> list[str]:
    """What decides which build of another Python a project gets."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return [importlib.metadata.version("uv"), os.environ.get("UV_PYTHON_DOWNLOADS_JSON_URL", "")]
    return []


def builder_digest() -> str:
    files = sorted([*BUILDER.glob("*.py"), *OVERLAY.glob("*.py"), ARCHIVE])
    return hashlib.sha256(b"".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)).hexdigest()


def keep(*, lock: Path, text: str) -> None:
    """Write the lock, last of all: a build that fails leaves it as it was."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    temporary = lock.with_name(f".{lock.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, lock)


def make(*, cache: Cache, tree: Tree, request: Request) -> Artifact:
    from release.build.making import assemble  # an unchanged project does not pay for loading it

    with cache.scratch() as scratch:
        made = assemble(cache=cache, scratch=scratch, tree=tree, request=request)
    artifact_id = save(cache=cache, manifest=made.manifest)
    tools, packages = builder_digest(), made.dependencies
    record = provenance.describe(tree=tree, settings=request.settings, builder=tools, dependencies=packages)
    provenance.note(cache=cache, artifact=artifact_id, record=record)
    if made.lock:
        keep(lock=request.lock, text=made.lock)
    entry = {"artifact": artifact_id, "notes": made.notes}
    cache.write(kind="index", key=key(tree=tree, request=request), value=entry)
    return Artifact(id=artifact_id, manifest=made.manifest, dirty=False, notes=(*made.news, *made.notes))
