"""The verb `build`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from release import build as building
from release.build import Artifact, BuildError
from release.build.cache import default_cache
from release.build.platforms import Platform
from release.build.request import Request
from release.cli.build.asked import Asked, of_project, of_stack
from release.cli.build.report import Report, report_of
from release.cli.build.trial import laid_out, run_test, start_it
from release.cli.project import Project
from release.cli.refusal import Refusal

__all__ = ["build", "tried"]


def build(directory: str | None, words: Sequence[str]) -> int:
    """Build it, start it, test it; 1 when it would be refused or its tests fail."""
    given = _parser().parse_args(words)
    asked = _asked(directory, given)
    try:
        artifact = building.build(
            asked.project, settings=asked.settings, env=asked.env, lock=asked.lock, **asked.options
        )
        report = tried(artifact, asked, as_json=given.json)
    except BuildError as error:
        raise Refusal(str(error)) from None
    if given.json:
        print(report.document())
    return 0 if report.good else 1


def tried(artifact: Artifact, asked: Asked, *, as_json: bool) -> Report:
    """Each part of the report is told as soon as it is known."""
    tell = _silent if as_json else _tell
    cache, here = default_cache(), Platform.here()
    report = report_of(artifact, asked, cache=cache)
    tell(report.built())
    if not here.runs_target:
        report.untried = f"the servers' packages do not run on {here.name}; on Linux x86-64 they are tried out"
        tell(report.tried())
        return report
    with laid_out(artifact, cache=cache) as workplace:
        request = _request(artifact, asked)
        report.started = start_it(workplace, request=request)
        tell(report.tried())
        if asked.test and report.good:
            out = sys.stderr if as_json else None
            report.tested = run_test(workplace, command=asked.test, request=request, out=out)
            tell(report.tests())
    return report


def _request(artifact: Artifact, asked: Asked) -> Request:
    """What is tried is what the manifest says, whatever the stack file has left to the project."""
    manifest = artifact.manifest
    return Request(
        settings=asked.settings,
        env=asked.env,
        lock=asked.lock,
        python=manifest["python"],
        overlay=manifest["overlay"],
        interface=manifest["interface"],
        keep=tuple(asked.options.get("keep", ())),
    )


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _silent(lines: Iterable[str]) -> None:
    """A program reads one object, at the end."""


def _asked(directory: str | None, given: argparse.Namespace) -> Asked:
    env = [name for names in given.env for name in names.split(",") if name]
    if given.settings:
        return of_project(Path(given.what), settings=given.settings, env=env, test=given.test, lock=given.lock)
    if given.lock:
        raise Refusal(f"--lock: goes with --settings, a stack's lock is stacks/{given.what}.lock")
    if "/" in given.what or given.what in (".", ".."):
        way_out = f"slipway check {given.what} says which it has"
        raise Refusal(f"{given.what}: a project should come with --settings MODULE (got none), {way_out}")
    return of_stack(Project.find(directory), given.what, env=env, test=given.test)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slipway build",
        usage="slipway build STACK | slipway build PROJECT --settings MODULE [--env NAME ...] [--test CMD] [--json]",
        allow_abbrev=False,
        description="Build the artifact that pulumi up would release, start it from its own layers, test it: no cloud.",
    )
    parser.add_argument("what", metavar="STACK or PROJECT", help="an environment, or the directory of a Django project")
    parser.add_argument("--settings", metavar="MODULE", help="the settings module of a PROJECT")
    parser.add_argument("--env", metavar="NAME", action="append", default=[], help="a variable that the site is given")
    parser.add_argument(
        "--test", metavar="CMD", help="a shell command that tests it (default: test: of the stack file)"
    )
    parser.add_argument("--lock", metavar="FILE", type=Path, help="where a PROJECT without a lock keeps one")
    parser.add_argument("--json", action="store_true", help="one JSON object; what the tests say goes to stderr")
    return parser
