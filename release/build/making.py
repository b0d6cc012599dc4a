"""The steps of a build that is not in the cache yet."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.build import provenance, translations
from release.build.bundling import bundle, place_of
from release.build.cache import Cache
from release.build.commands import run_commands
from release.build.dependencies import Dependencies, resolve
from release.build.errors import BuildError
from release.build.inspection import Workplace, look
from release.build.interpreters import Choice, choose
from release.build.layers import Member, pack, size
from release.build.packages import Packages, install, install_here
from release.build.platforms import TARGET, Platform
from release.build.python import find_python
from release.build.request import OVERLAY, Request
from release.build.static import pack_static
from release.build.tree import Tree, find_root, stage

FORMAT = 2
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
    interpreter: Choice
    bundled: str  # the interpreter's layer, if it is not the servers' own
    told: tuple[str, ...]


def assemble(*, cache: Cache, scratch: Path, tree: Tree, request: Request) -> Made:
    """Stage the project, install its packages, start Django once, pack three layers."""
    ground = lay(cache=cache, scratch=scratch, tree=tree, request=request)
    found = look(workplace=ground.workplace, tree=ground.staged, settings=request.settings, env=request.env)
    layers = pack_layers(cache=cache, ground=ground, found=found)
    manifest = describe(found=found, ground=ground, layers=layers)
    manifest["sizes"] = {name: size(cache=cache, layer=layer) for name, layer in layers.items()}
    listed = provenance.listed(packages=ground.packages.directory, text=ground.dependencies.text)
    told = (*ground.dependencies.notes, *notes(tree=ground.staged, found=found), *ground.told)
    dependencies = ground.dependencies
    return Made(manifest, notes=told, news=dependencies.news, lock=dependencies.lock, dependencies=listed)


def lay(*, cache: Cache, scratch: Path, tree: Tree, request: Request) -> Ground:
    """The steps before Django is started."""
    root, source = find_root(tree), scratch / "src"
    staged = stage(tree=tree, target=source)
    if staged.digest != tree.digest:
        raise BuildError(f"{tree.project}: should not change while it is built (got an edit), build again")
    chosen = choose(stage=source, root=root, servers=request.python)
    dependencies = resolve(stage=source, root=root, lock=request.lock, python=chosen.minor)
    bundled = bundle(cache=cache, choice=chosen)
    python = python_here(cache=cache, chosen=chosen, here=request.here)
    packages = install(cache=cache, dependencies=dependencies, tree=staged, python=chosen.minor)
    here = install_here(
        cache=cache, dependencies=dependencies, tree=staged, packages=packages, python=python, here=request.here
    )
    workplace = prepare(scratch=scratch, packages=here, root=root, python=python)
    staged, written = run_commands(request=request, workplace=workplace, tree=staged)
    made, untranslated = translations.compile_all(staged)
    put(target=source, files=made)
    told = (*chosen.notes, *unmeant(packages, minor=chosen.minor), *written, *untranslated)
    return Ground(staged, dependencies, packages, workplace, made, chosen, bundled, told)


def unmeant(packages: Packages, *, minor: str) -> list[str]:
    """A Django that does not know this Python; the newest ones know the newest, so it is the Django that is old."""
    pythons = packages.pythons("django")
    if not pythons or minor in pythons:
        return []
    django = f"Django {packages.version('django')} says it runs on Python {pythons[0]} to {pythons[-1]}, not on {minor}"
    return [f'{django}: upgrade it, or say requires-python = "=={pythons[-1]}.*" and that is bundled']


def python_here(*, cache: Cache, chosen: Choice, here: Platform) -> Path:
    """What runs the project's code on this machine: the bundled one itself where it can."""
    if not (chosen.bundled and here.runs_target):
        return find_python(chosen.minor)
    inside = place_of(cache=cache, offer=chosen.bundled) / "bin" / f"python{chosen.minor}"
    return find_python(chosen.minor, bundled=inside)


def pack_layers(*, cache: Cache, ground: Ground, found: dict[str, Any]) -> dict[str, str]:
    """The names of the layers, each packed into the cache."""
    tree = ground.staged.without(directories=unwanted(tree=ground.staged, found=found))
    return {
        **({"python": ground.bundled} if ground.bundled else {}),
        "dependencies": ground.packages.layer,
        "code": pack_code(cache=cache, tree=tree, made=ground.made),
        "static": pack_static(cache=cache, directory=ground.workplace.static),
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


def pack_code(*, cache: Cache, tree: Tree, made: dict[str, bytes]) -> str:
    """The project's files and the overlay."""
    project = [
        Member(path=f"src/{entry.path}", source=tree.project / entry.path, executable=entry.executable, link=entry.link)
        for entry in tree.entries
    ]
    compiled = [Member(path=f"src/{path}", content=content) for path, content in made.items()]
    overlay = [Member(path=f"overlay/{file.name}", content=file.read_bytes()) for file in OVERLAY.glob("*.py")]
    return pack(cache=cache, members=[*project, *compiled, *overlay])


def unwanted(*, tree: Tree, found: dict[str, Any]) -> list[str]:
    """Uploads never travel; collected files neither, unless git says that they are source."""
    names = ("MEDIA_ROOT",) if tree.git else ("MEDIA_ROOT", "STATIC_ROOT")
    directories = [found["left"][name] for name in names if name in found["left"]]
    code = [entry.path for entry in tree.entries if entry.path.endswith(".py")]
    return [directory for directory in directories if not any(path.startswith(f"{directory}/") for path in code)]


def notes(*, tree: Tree, found: dict[str, Any]) -> list[str]:
    told = [] if tree.git else ["no git repository: every file of the project is taken"]
    directories = [directory for directory in unwanted(tree=tree, found=found) if has(tree, directory)]
    left = [*tree.left_out, *(f"{directory}/" for directory in directories)]
    if left:
        told.append(f"not in the artifact: {', '.join(left[:5])}{' ...' if len(left) > 5 else ''}")
    overlaid = [name for name in found["overlaid"] if name not in PLACEHOLDERS]
    return [*told, f"settings laid over the project's own: {', '.join(overlaid)}"]


def has(tree: Tree, directory: str) -> bool:
    return any(path.startswith(f"{directory}/") for path in tree.paths)


def describe(*, found: dict[str, Any], ground: Ground, layers: dict[str, str]) -> dict[str, Any]:
    """The manifest: what an artifact is, in words that do not depend on where it was built."""
    bundled = ground.interpreter.bundled
    return {
        "format": FORMAT,
        "python": ground.interpreter.minor,
        **({"interpreter": bundled.key} if bundled else {}),
        "platform": TARGET,
        "layers": layers,
        "root": ground.workplace.root,
        "django": found["django"],
        "gunicorn": ground.packages.version("gunicorn"),
        "wsgi": found["wsgi"],
        "asgi": found["asgi"],
        "migrations": found["migrations"],
    }
