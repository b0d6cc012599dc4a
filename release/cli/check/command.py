"""The verb `check`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from release.cli.check.steps import Asked, inspect

__all__ = ["check"]


def check(words: Sequence[str]) -> int:
    """Print what slipway would make of a project; 1 when it would be refused."""
    given = _parser().parse_args(words)
    env = tuple(name for names in given.env for name in names.split(",") if name)
    report = inspect(Asked(project=given.project, settings=given.settings, env=env))
    print(report.document() if given.json else report.text())
    return 1 if report.refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slipway check",
        allow_abbrev=False,
        description="What slipway would make of a Django project: no token, no cloud and no stack is needed.",
    )
    parser.add_argument("project", metavar="PROJECT", type=Path, help="the directory of the Django project")
    parser.add_argument("--settings", metavar="MODULE", help="its settings module (default: the likeliest one)")
    parser.add_argument(
        "--env", metavar="NAME[,NAME]", action="append", default=[], help="variables the stack file will declare"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    return parser
