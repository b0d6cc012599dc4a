"""The steps of a build that is not in the cache yet."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from release.build import provenance, translations
from release.build.bundling import Interpreter, provide
from release.build.cache import Cache
from release.build.commands import run_commands
from release.build.dependencies import Dependencies, resolve
from release.build.errors import BuildError
from release.build.imports import imports_of
from release.build.inspection import Workplace, look
from release.build.interpreters import choose
from release.build.layers import Member, pack, size
from release.build.packages import Packages, install, install_here
from release.build.platforms import TARGET
from release.build.request import OVERLAY, Request
from release.build.static import collected, pack_static
from release.build.tree import Tree, find_root, stage

FORMAT = 2
OLDEST_ASGI = Version("26.1")  # before it database connections leaked under Django's ASGI
PLACEHOLDERS = ("MEDIA_ROOT", "MEDIA_URL")  # while building, media is always on disk


@dataclass(frozen=True)
class Made:
    """A manifest, what there is to say of it every time, what only the first time, and a lock to keep if it is new."""

    manifest: dict[str, Any]
    notes: tuple[str, ...]
    news: tuple[str, ...]
    lock: str
    dependencies: list[dict[str, Any]]


@dataclass(frozen=True)
class Ground:
    """A staged project with its packages and translations: Django can be started on it."""

    staged: Tree
    dependencies: Dependencies
    packages: Packages
    workplace: Workplace
    made: dict[str, bytes]
    interpreter: Interpreter
    told: tuple[str, ...]


def assemble(*, cache: Cache, scratch: Path, tree: Tree, request: Request) -> Made:
    """Stage the project, install its packages, start Django once, pack three layers."""
    ground = lay(cache=cache, scratch=scratch, tree=tree, request=request)
    found = look(workplace=ground.workplace, tree=ground.staged, request=request)
    refuse_old_gunicorn(found=found, packages=ground.packages)
    layers = pack_layers(cache=cache, ground=ground, found=found, own=not request.overlay)
    manifest = describe(found=found, ground=ground, layers=layers, request=request)
    manifest["sizes"] = {name: size(cache=cache, layer=layer) for name, layer in layers.items()}
    listed = provenance.listed(packages=ground.packages.directory, text=ground.dependencies.text)
    told = (*ground.dependencies.notes, *notes(ground=ground, found=found, request=request), *ground.told)
    dependencies = ground.dependencies
    return Made(manifest, notes=told, news=dependencies.news, lock=dependencies.lock, dependencies=listed)


def lay(*, cache: Cache, scratch: Path, tree: Tree, request: Request) -> Ground:
    """The steps before Django is started."""
    root, source = find_root(tree), scratch / "src"
    staged = stage(tree=tree, target=source)
    if staged.digest != tree.digest:
        raise BuildError(f"{tree.project}: should not change while it is built (got an edit), build again")
    chosen = choose(stage=source, root=root, servers=request.python)
    interpreter, minor = provide(cache=cache, choice=chosen, here=request.here), chosen.minor
    whole = surroundings(scratch=scratch, tree=tree, staged=staged)
    place = whole.project / tree.below if tree.beside else source
    dependencies = resolve(stage=place, root=root, lock=request.lock, python=minor, top=whole.project)
    packages = install(cache=cache, dependencies=dependencies, tree=whole, python=minor)
    here = install_here(
        cache=cache,
        dependencies=dependencies,
        tree=whole,
        packages=packages,
        python=interpreter.here,
        here=request.here,
    )
    workplace = prepare(scratch=scratch, packages=here, root=root, python=interpreter.here)
    staged, written = run_commands(request=request, workplace=workplace, tree=staged)
    made, untranslated = translations.compile_all(staged)
    put(target=source, files=made)
    told = (*chosen.notes, *unmeant(packages, minor=minor), *written, *untranslated)
    return Ground(staged, dependencies, packages, workplace, made, interpreter, told)


def surroundings(*, scratch: Path, tree: Tree, staged: Tree) -> Tree:
    """What dependencies are resolved and built in: the staged project, in its repository where it needs that."""
    if not tree.beside:
        return staged
    whole = tree.whole()
    found = stage(tree=whole, target=scratch / "repository")
    if found.digest != whole.digest:
        raise BuildError(f"{tree.project}: should not change while it is built (got an edit), build again")
    return found


def unmeant(packages: Packages, *, minor: str) -> list[str]:
    """A Django that does not know this Python; the newest ones know the newest, so it is the Django that is old."""
    pythons = packages.pythons("django")
    if not pythons or minor in pythons:
        return []
    django = f"Django {packages.version('django')} says it runs on Python {pythons[0]} to {pythons[-1]}, not on {minor}"
    return [f'{django}: upgrade it, or say requires-python = "=={pythons[-1]}.*" and that is bundled']


def refuse_old_gunicorn(*, found: dict[str, Any], packages: Packages) -> None:
    own = packages.version("gunicorn")
    if found["interface"] == "asgi" and Version(own) < OLDEST_ASGI:
        rule = f"should be {OLDEST_ASGI} or newer to serve ASGI"
        raise BuildError(f"gunicorn: {rule} (got {own}, the project's own pin), raise it or write interface: wsgi")


def pack_layers(*, cache: Cache, ground: Ground, found: dict[str, Any], own: bool = False) -> dict[str, str]:
    """The names of the layers, each packed into the cache; settings of the project's `own` find the collected
    files at their STATIC_ROOT as well."""
    static, place = ground.workplace.static, found["left"].get("STATIC_ROOT")
    files = {f"{place}/{file.relative_to(static)}": file for file in collected(static)} if own and place else {}
    directories = [*unwanted(tree=ground.staged, found=found), *([place] if files and place else [])]
    tree = ground.staged.without(directories=directories)
    layer = pack_static(cache=cache, directory=static)
    return {
        **({"python": ground.interpreter.layer} if ground.interpreter.layer else {}),
        "dependencies": ground.packages.layer,
        "code": pack_code(cache=cache, tree=tree, made=ground.made, beside=files),
        "static": layer,
    }


def prepare(*, scratch: Path, packages: Packages, root: str, python: Path) -> Workplace:
    workplace = Workplace(scratch=scratch, packages=packages.directory, root=root, python=python)
    shutil.copytree(OVERLAY, workplace.overlay, ignore=shutil.ignore_patterns("__pycache__"))
    workplace.static.mkdir()
    workplace.home.mkdir()
    return workplace


def put(*, target: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (target / path).write_bytes(content)


def pack_code(*, cache: Cache, tree: Tree, made: dict[str, bytes], beside: dict[str, Path]) -> str:
    """The project's files, files laid beside them, and the overlay."""
    project = [
        Member(path=f"src/{entry.path}", source=tree.project / entry.path, executable=entry.executable, link=entry.link)
        for entry in tree.entries
    ]
    compiled = [Member(path=f"src/{path}", content=content) for path, content in made.items()]
    overlay = [Member(path=f"overlay/{file.name}", content=file.read_bytes()) for file in OVERLAY.glob("*.py")]
    laid = [Member(path=f"src/{path}", source=file) for path, file in beside.items()]
    return pack(cache=cache, members=[*project, *compiled, *laid, *overlay])


def unwanted(*, tree: Tree, found: dict[str, Any]) -> list[str]:
    """Uploads never travel; collected files neither, unless git says that they are source."""
    names = ("MEDIA_ROOT",) if tree.git else ("MEDIA_ROOT", "STATIC_ROOT")
    directories = [found["left"][name] for name in names if name in found["left"]]
    code = [entry.path for entry in tree.entries if entry.path.endswith(".py")]
    return [directory for directory in directories if not any(path.startswith(f"{directory}/") for path in code)]


def notes(*, ground: Ground, found: dict[str, Any], request: Request) -> list[str]:
    tree = ground.staged
    told = [] if tree.git else ["no git repository: every file of the project is taken"]
    directories = [directory for directory in unwanted(tree=tree, found=found) if has(tree, directory)]
    left = [*tree.left_out, *(f"{directory}/" for directory in directories)]
    if left:
        told.append(f"not in the artifact: {', '.join(left[:5])}{' ...' if len(left) > 5 else ''}")
    return [*told, *served(found), *laid(found=found, request=request), *passed_by(ground=ground, request=request)]


def served(found: dict[str, Any]) -> list[str]:
    """What differs from a WSGI application with static files on disk."""
    told = [] if found["interface"] == "wsgi" else [f"served as ASGI: {found['why']}; interface: wsgi changes it"]
    static = found["static"]
    if static["backend"] and not static["collected"]:
        told.append(
            f"static files: {static['backend']} is the project's own, before-release: [collectstatic --noinput]"
        )
    return told


def laid(*, found: dict[str, Any], request: Request) -> list[str]:
    if request.overlay:
        overlaid = [name for name, _, _ in found["overlaid"] if name not in PLACEHOLDERS]
        return [f"settings laid over the project's own: {', '.join(overlaid)}"]
    return ["overlay: false: the project's own settings run as they are", *found["duties"]]


def passed_by(*, ground: Ground, request: Request) -> list[str]:
    """Code that has settings from their module, and so without what is laid over them."""
    places = imports_of(request.module, tree=ground.staged, root=ground.workplace.root) if request.overlay else []
    more = f" and {len(places) - 3} more" if places[3:] else ""
    told = f"{', '.join(places[:3])}{more}: imports {request.module} itself and sees it without slipway's values, "
    return [f"{told}use from django.conf import settings"] if places else []


def has(tree: Tree, directory: str) -> bool:
    return any(path.startswith(f"{directory}/") for path in tree.paths)


def describe(*, found: dict[str, Any], ground: Ground, layers: dict[str, str], request: Request) -> dict[str, Any]:
    """The manifest: what an artifact is, in words that do not depend on where it was built."""
    choice = ground.interpreter.choice
    return {
        "format": FORMAT,
        "python": choice.minor,
        **({"interpreter": choice.bundled.key} if choice.bundled else {}),
        "platform": TARGET,
        "layers": layers,
        "root": ground.workplace.root,
        "django": found["django"],
        "gunicorn": ground.packages.version("gunicorn"),
        "overlay": request.overlay,
        "interface": found["interface"],
        "wsgi": found["wsgi"],
        "asgi": found["asgi"],
        "migrations": found["migrations"],
    }
