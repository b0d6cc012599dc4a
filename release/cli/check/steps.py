"""The steps of a build, one by one, each with its line in the report; what fails does not hide what comes after."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from release.build import BuildError, exclusions, git
from release.build.cache import Cache, default_cache
from release.build.inspection import environment, look, settings_modules, start
from release.build.making import Ground, has, lay, pack_layers, unwanted
from release.build.platforms import Platform
from release.build.python import find_python
from release.build.request import SERVERS_PYTHON, Request
from release.build.tree import Tree, find_root, read_tree, walk
from release.cli.check import findings, stack_file
from release.cli.check.choosing import choose
from release.cli.check.report import Report
from release.cli.check.source import Source

__all__ = ["Asked", "inspect"]

PROBE = Path(__file__).with_name("probe.py")
UNDECLARED = re.compile(r"env\.(\w+) should be declared")
STRICT = re.compile(r"should import \(got .*\b(DEBUG|DJANGO_DEBUG)\b")  # they take True and False, and no 0


@dataclass(frozen=True)
class Asked:
    """What a person gave on the command line."""

    project: Path
    settings: str | None = None
    env: Collection[str] = ()
    python: str = SERVERS_PYTHON


@dataclass
class Seen:
    """What the steps have found so far; the suggestion is made of it."""

    asked: Asked
    settings: str = ""
    root: str = ""
    source: Source | None = None
    names: set[str] = field(default_factory=set)
    facts: dict[str, Any] = field(default_factory=dict)
    request: Request | None = None

    def request_with(self, names: Collection[str]) -> Request:
        """The build's request, with placeholders for these variables."""
        assert self.request
        return replace(self.request, env=tuple(sorted(names)))


def inspect(asked: Asked) -> Report:
    """Every step that can be taken."""
    report, seen = Report(str(asked.project)), Seen(asked)
    tree = _tree(asked.project, report)
    if tree and _settings(tree, report, seen):
        with default_cache().scratch() as scratch:
            _started(tree, report, seen, cache=default_cache(), scratch=scratch)
    if seen.source and seen.settings:
        findings.writes(report, seen.source.writes(seen.settings))
        findings.variables(report, seen.source, settings=seen.settings, declared=asked.env, met=seen.names)
    report.settings = seen.settings
    if seen.source and seen.settings:
        report.stack_file = stack_file.suggested(asked.project, seen.source, settings=seen.settings, met=seen.names)
    return report


def _tree(project: Path, report: Report) -> Tree | None:
    """The files, and the one manage.py among them."""
    if not project.is_dir():
        report.refuse("project", f"{project}: should be a directory with a manage.py (got none), correct the path")
        return None
    try:
        if pointers := _pointers(project):
            more = f", as {len(pointers) - 1} more are" if pointers[1:] else ""
            raise BuildError(
                f"{pointers[0]}: should be the file itself (got a Git LFS pointer{more}), run `git lfs pull`"
            )
        tree = read_tree(project.absolute())
        root = find_root(tree)
    except BuildError as error:
        report.refuse("project", error)
        return None
    report.ok("project", str(PurePosixPath(root, "manage.py")), "the one manage.py, Django starts beside it")
    _files(tree, report)
    return tree


def _pointers(project: Path) -> list[str]:
    listed = git.files(project) if git.is_repository(project) else list(walk(project))
    return [
        path
        for path in listed
        if exclusions.head(file=project / path, size=len(exclusions.LFS_POINTER)) == exclusions.LFS_POINTER
    ]


def _files(tree: Tree, report: Report) -> None:
    size = sum((tree.project / entry.path).stat().st_size for entry in tree.entries if entry.link is None)
    what = f"{len(tree.entries)} files, {findings.bytes_of(size)}"
    if not tree.git:
        report.note("project", tree.project.name, f"{what}: no git, so every file is taken but tools' debris")
    elif tree.changed:
        text = f"{what}: {len(tree.changed)} changes are not committed, which a stack with protect: true refuses"
        report.note("project", tree.changed[0], text)
    else:
        report.ok("project", tree.project.name, f"{what}: what git tracks, all committed")
    for path in tree.left_out[:10]:
        kind = exclusions.secret_kind(path=path, file=tree.project / path)
        if kind == "database":
            report.note("project", path, "a database stays here; data that the code needs goes into another format")
        else:
            report.ok("project", path, f"stays here ({kind})")


def _settings(tree: Tree, report: Report, seen: Seen) -> bool:
    """Which settings module: the one asked for, else the likeliest."""
    seen.root = find_root(tree)
    seen.source = Source(tree.project, seen.root, tree.paths)
    known = settings_modules(tree=tree, root=seen.root)
    seen.settings = choose(report, seen.source, known=known, asked=seen.asked.settings)
    return bool(seen.settings)


def _started(tree: Tree, report: Report, seen: Seen, *, cache: Cache, scratch: Path) -> None:
    """Packages, then Django itself, then the layers."""
    python = _python(report, wanted=seen.asked.python)
    # With another Python than the servers' a failure says little about them.
    fails = report.refuse if python == seen.asked.python else partial(_elsewhere, report, python)
    lock = scratch / "staging.lock"
    env = tuple(sorted(seen.asked.env))
    request = Request(settings=seen.settings, env=env, lock=lock, python=python, here=Platform.here())
    seen.request = request
    try:
        ground = lay(cache=cache, scratch=scratch, tree=tree, request=request)
    except BuildError as error:
        fails("dependencies", error)
        return
    _dependencies(ground, report)
    try:
        found = _looked(ground, seen)
    except BuildError as error:
        fails("settings", error)
        return
    _later(ground, report, seen, found)
    _artifact(ground, report, found, cache=cache)


def _python(report: Report, *, wanted: str) -> str:
    """The servers' Python; without it the check goes on with its own, to say what it can."""
    own = "{}.{}".format(*sys.version_info[:2])
    try:
        find_python(wanted)
    except BuildError as error:
        report.refuse("project", error)
        return own
    report.ok("project", f"python{wanted}", "is here, as on the servers")
    return wanted


def _elsewhere(report: Report, python: str, topic: str, error: BuildError) -> None:
    where, _, text = str(error).partition(": ")
    report.note(topic, where, f"with this computer's Python {python}, which is not the servers': {text}")


def _dependencies(ground: Ground, report: Report) -> None:
    found, packages = ground.dependencies, ground.workplace.packages
    installed = {each.name.lower(): each.version for each in importlib.metadata.distributions(path=[str(packages)])}
    what = f"{len(installed)} packages for the servers, Django {installed.get('django', '?')}"
    if found.closed:
        report.ok("dependencies", found.source, f"{what}; it is a lock and is taken as it is")
    else:
        report.note("dependencies", found.source, f"{what}; not a lock, so the first up resolves it into "
                    "stacks/<stack>.lock, which you commit; slipway relock renews it")  # fmt: skip
    findings.sources(report, found)
    stated = found.stated.lower()
    added = [
        f"{name} {installed[name]}"
        for name in ("gunicorn", "django-storages", "psycopg")
        if name in installed and name not in stated
    ]
    if added:
        report.ok("dependencies", found.source, f"lacks {', '.join(added)}: added to the release")
    for note in (*found.notes, *ground.interpreter.choice.notes):
        report.note("dependencies", found.source, note)
    findings.packages(report, installed, stated=stated, file=found.source)


def _looked(ground: Ground, seen: Seen) -> dict[str, Any]:
    """The build's own look; a variable that nobody declared is met, noted and given a placeholder."""
    required = {read.name for read in seen.source.reads(seen.settings) if read.required} if seen.source else set()
    seen.names = required - findings.GIVEN - set(seen.asked.env)
    names = set(seen.asked.env) | seen.names
    while True:
        try:
            found = look(workplace=ground.workplace, tree=ground.staged, request=seen.request_with(names))
        except BuildError as error:
            missing = UNDECLARED.search(str(error)) or STRICT.search(str(error))
            if not missing or missing[1] in names:
                raise
            names.add(missing[1])
            seen.names.add(missing[1])
        else:
            return found


def _later(ground: Ground, report: Report, seen: Seen, found: dict[str, Any]) -> None:
    """What a release would meet on the server."""
    workplace, answer = ground.workplace, ground.workplace.scratch / "later.json"
    variables = environment(workplace=workplace, request=seen.request_with(seen.names | set(seen.asked.env)))
    said = start(workplace=workplace, answer=answer, variables=variables, probe=PROBE)
    result: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {"failure": {"said": said}}
    if "failure" in result:
        report.note("settings", seen.settings, f"could not be looked at further ({result['failure']['said']})")
        return
    assert seen.source
    findings.report(report, result["found"], places=seen.source.places(seen.settings), settings=seen.settings)
    findings.entry_points(report, found, settings=seen.settings)


def _artifact(ground: Ground, report: Report, found: dict[str, Any], *, cache: Cache) -> None:
    layers = pack_layers(cache=cache, ground=ground, found=found)
    sizes = {
        name: cache.path(kind="layers", name=f"{digest}.tar.zst").stat().st_size for name, digest in layers.items()
    }
    parts = ", ".join(f"{name} {findings.bytes_of(size)}" for name, size in sizes.items())
    report.ok("artifact", "layers", f"{findings.bytes_of(sum(sizes.values()))} packed ({parts})")
    for directory in unwanted(tree=ground.staged, found=found):
        if has(ground.staged, directory):
            report.ok("artifact", f"{directory}/", "stays here: uploads and collected files do not travel")
