"""A dump in the place of an environment's database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from release.cli.progress import Progress, amount
from release.cli.refusal import Refusal
from release.cli.remote import Line, line
from release.cli.stack import Stack

__all__ = ["load"]

PIECE = 1 << 18


def load(stack: Stack, file: Path, *, overwrite: bool) -> int:
    """All of it in one transaction, or nothing; what stands there is lost only where `overwrite` says so."""
    size = file.stat().st_size
    with line(stack, verb="db", words=["--", "load"]) as talk:
        talk.say({"size": size, "overwrite": overwrite})
        told = talk.hear()
        if "held" in told:
            raise Refusal(_held(stack, file, told["held"]))
        if told.get("loading"):
            told = _sent(talk, file, size=size, where=stack.name)
    if "error" in told:
        raise Refusal(f"{stack.name}: {file.name}: {told['error']}")
    print(f"{stack.name}: {amount(size)} loaded, {told['tables']} tables, owned by the site's user")
    print(_migrations(stack, told))
    return 0


def _sent(talk: Line, file: Path, *, size: int, where: str) -> dict[str, Any]:
    done = 0
    with file.open("rb") as source, Progress(f"{where}: load", size) as progress:
        try:
            while piece := source.read(PIECE):
                talk.outgoing.write(piece)
                done += len(piece)
                progress.at(done)
            talk.outgoing.flush()
        except BrokenPipeError:
            pass  # it has said why before it stopped listening
        progress.say("waiting for the database")
        return talk.hear()


def _held(stack: Stack, file: Path, tables: int) -> str:
    return (
        f"{stack.name}: its database should be empty (got {tables} tables, those of a first `up` among them); to put "
        f"{file.name} in their place: slipway db load {stack.name} {file} --overwrite {stack.name}"
        f"\n{stack.name}: what is there goes; keep it first: slipway db dump {stack.name}"
    )


def _migrations(stack: Stack, told: dict[str, Any]) -> str:
    if "untold" in told:
        return f"migrations: could not be told ({told['untold']}), slipway manage {stack.name} showmigrations"
    lines = []
    if unapplied := told["unapplied"]:
        count = f"{len(unapplied)} to apply, {unapplied[0]} first"
        lines.append(f"migrations: {count}: slipway manage {stack.name} migrate")
    if unknown := told["unknown"]:
        rule = "the dump is of a newer release than the one that runs"
        lines.append(f"migrations: {len(unknown)} applied that the release does not know, {unknown[0]} first: {rule}")
    return "\n".join(lines) or "migrations: all applied"
