"""`slipway db dump|load|shell STACK`: an environment's database as a file, and a command line in it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from release.cli.db_dump import dump
from release.cli.db_load import load
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.remote import run
from release.cli.stack import Stack

__all__ = ["db"]

USAGE = "slipway db dump STACK [FILE] | load STACK FILE [--overwrite STACK] | shell STACK [WORDS...]"


def db(directory: str | None, words: Sequence[str]) -> int:
    """The verbs below `slipway db`."""
    given = _parser().parse_args(words)
    if given.verb == "load":
        _check_file(given.file)
        if given.overwrite not in (None, given.stack):
            raise Refusal(f"--overwrite: should name the stack in full, {given.stack} (got {given.overwrite!r})")
    stack = Stack.read(Project.find(directory), given.stack)
    if given.verb == "dump":
        return dump(stack, given.file or Path(f"{given.stack}-{datetime.now():%Y%m%d-%H%M%S}"), named=bool(given.file))
    if given.verb == "load":
        return load(stack, given.file, overwrite=bool(given.overwrite))
    return run(stack, verb="db", words=["--", "shell", *given.words])


def _check_file(path: Path) -> None:
    if not path.is_file() or not os.access(path, os.R_OK):
        raise Refusal(f"{path}: should be a dump that can be read, made by slipway db dump or pg_dump")
    if not path.stat().st_size:
        raise Refusal(f"{path}: is empty, make the dump again")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway db", usage=USAGE, allow_abbrev=False)
    verbs = parser.add_subparsers(prog="slipway db", dest="verb", required=True, metavar="VERB")
    dumping = verbs.add_parser("dump", allow_abbrev=False, help="the whole database into a file, checked")
    loading = verbs.add_parser(
        "load", allow_abbrev=False, help="a dump in the place of the database, all of it or nothing"
    )
    inside = verbs.add_parser("shell", allow_abbrev=False, help="psql there, as the site's user; SQL may come on stdin")
    for each in (dumping, loading, inside):
        each.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    dumping.add_argument("file", metavar="FILE", nargs="?", type=Path, help="default, named by stack and time")
    loading.add_argument(
        "file", metavar="FILE", type=Path, help="of pg_dump, custom or plain SQL, gzip or not; or SQLite"
    )
    loading.add_argument("--overwrite", metavar="STACK", help="the stack's name again: what is in its database goes")
    inside.add_argument("words", nargs=argparse.REMAINDER, help="words for psql")
    return parser
