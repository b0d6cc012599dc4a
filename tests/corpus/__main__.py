"""`python -m tests.corpus [SHAPE ...]`: each is brought live, lets its admin in, keeps an upload.

Exit status: 0 when every one was, with no file changed. `--write` puts what was seen into docs/projects.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rehearsal.shadow import add_stack
from rehearsal.story import ADMIN
from tests.bench.bed import checked
from tests.corpus.shapes import SHAPES, Shape
from tests.corpus.table import told_of, written
from tests.rehearsal.stage import REPOSITORY, Stage

STATE = REPOSITORY / ".rehearsal-corpus"
DEBRIS = {"__pycache__", ".venv"}


@dataclass(frozen=True)
class Told:
    """How one shape went: what slipway said of it, how many of its files were changed, what went wrong."""

    name: str
    words: str
    asked: str
    detected: tuple[str, ...] = ()
    changed: int = 0
    seconds: float = 0.0
    trouble: str = ""


def main() -> int:
    """All shapes, or those that were named."""
    given = _arguments()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("corpus: needs root and Linux, the rehearsal's machines are real", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="slipway-corpus-") as scratch:
        stage = Stage(state=STATE, gallery=Path(scratch))
        checked(stage.make("destroy"))
        try:
            checked(stage.make("up", "--cloud-only"))
            told = [_shape(stage, name, write=given.write) for name in given.shapes or SHAPES]
        finally:
            checked(stage.make("destroy"))
    return 1 if any(each.trouble or each.changed for each in told) else 0


def _shape(stage: Stage, name: str, *, write: bool) -> Told:
    shape, began = SHAPES[name], time.monotonic()
    said = ", ".join(f"`{key}`" for key in shape.stack if key != "settings")
    directory = stage.gallery / name
    try:
        shape.make(directory)
        before = digests(directory)
        detected = _live(stage, name, shape, directory / shape.project)
        changed = len(touched(before, digests(directory)))
        told = Told(name, shape.words, said, detected, changed, round(time.monotonic() - began, 1))
    except (AssertionError, RuntimeError) as error:
        told = Told(name, shape.words, said, trouble=str(error)[-4000:])
    finally:
        _gone(stage, name)
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{'✗' if told.trouble else '✓'} {name:<16} {told.seconds:>6} s  {told.trouble}", flush=True)
    if write:
        written(told, order=[each.words for each in SHAPES.values()])
    return told


def _live(stage: Stage, name: str, shape: Shape, project: Path) -> tuple[str, ...]:
    """Up, into the admin, an upload; what slipway made of the project."""
    settings = {
        "cloud": "digitalocean",
        "region": "fra1",
        "domain": "example.org",
        "hosts": [f"{name}.example.org"],
        "project": str(project),
        "settings": "mysite.settings",
        **shape.stack,
    }
    add_stack(shadow=stage.state / "project", stack=name, config=settings)
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare {name}")
    stage.up(name)
    password = secrets.token_urlsafe(12)
    stage.type(f"slipway shell {name}", input=ADMIN.format(password=password), secret=True)
    if shape.proof:
        stage.type(f"slipway shell {name}", input=shape.proof)
    url = f"https://{name}.example.org"
    visit = f"inside .venv/bin/python -m tests.corpus.visit {url} rehearsal {shape.admin}"
    stage.type(visit, input=password, secret=True)
    return told_of(json.loads(stage.type(f"slipway explain {name} --json").stdout))


def _gone(stage: Stage, name: str) -> None:
    """The stack and everything it made."""
    stage.type(f"pulumi destroy --yes --skip-preview --non-interactive -s {name}", check=False)
    stage.type(f"pulumi stack rm --yes --force {name}", check=False)


def touched(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Files that are not what they were: changed, new or gone."""
    return {file for file, _ in before.items() ^ after.items()}


def digests(directory: Path) -> dict[str, str]:
    """Every file of a project by its content."""
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(directory)}


def _files(directory: Path) -> Iterable[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file() and not DEBRIS & set(path.parts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.corpus", description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"which of {', '.join(SHAPES)} (all)")
    parser.add_argument("--write", action="store_true", help="put what was seen into docs/projects.md")
    given = parser.parse_args()
    if unknown := [name for name in given.shapes if name not in SHAPES]:
        parser.error(f"no such shape: {', '.join(unknown)}")
    return given


if __name__ == "__main__":
    sys.exit(main())
