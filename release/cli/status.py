"""Does what the state says run, what the live site says, and what the servers say, agree?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.remote import ask
from release.cli.stack import LastUpdate, Stack, last_update
from release.live import Silent, ask_by_name
from release.ssh import Server

__all__ = ["Word", "live", "status"]


@dataclass(frozen=True)
class Word:
    """What one of the three says runs; both ids are empty when it says nothing."""

    who: str
    artifact: str = ""
    release: str = ""
    note: str = ""


def status(project: Project, name: str) -> int:
    """Print the table; 1 when they do not agree."""
    with ThreadPoolExecutor() as threads:
        history = threads.submit(last_update, project, name)
        stack = Stack.read(project, name)
        asked = [threads.submit(live, stack), *(threads.submit(_server, stack, each) for each in stack.servers)]
        update = history.result()
        words = [_state(stack, update), *(each.result() for each in asked)]
    print(f"{name}  {stack.url}\n")
    print("\n".join(_table(words)))
    agree = len({(word.artifact, word.release) for word in words}) == 1 and update.good
    print("\nall agree" if agree else f"\nthey do not agree: pulumi up -s {name} brings them together")
    return 0 if agree else 1


def live(stack: Stack) -> Word:
    """The live site's own word, over verified HTTPS."""
    try:
        running = ask_by_name(stack.host)
    except Silent as silent:
        return Word("live site", note=str(silent))
    return Word("live site", artifact=running.artifact, release=running.release, note="over HTTPS")


def _state(stack: Stack, update: LastUpdate) -> Word:
    return Word("state", artifact=stack.artifact, release=stack.release, note=f"last {update.kind} {update.result}")


def _server(stack: Stack, server: Server) -> Word:
    try:
        said = ask(stack, server, verb="status")
    except (Refusal, ValueError, IndexError) as error:
        return Word(server.name, note=str(error))
    artifact, release = said.get("artifact") or "", said.get("release") or ""
    return Word(server.name, artifact=artifact, release=release, note=_slot(stack, said))


def _slot(stack: Stack, said: Mapping[str, Any]) -> str:
    """Which slot serves, how its unit is, and a flip that is not committed."""
    slot = said.get("serving") or "no slot"
    unit = said.get("units", {}).get(f"{stack.site}-web@{slot}.service", "")
    provisional = said.get("provisional")
    return f"{slot} {unit}".strip() + (f", {provisional} is flipped to and not committed" if provisional else "")


def _table(words: Sequence[Word]) -> Iterator[str]:
    columns: list[Callable[[Word], str]] = [
        lambda word: word.who,
        lambda word: word.artifact[:19] or "-",  # sha256- and twelve digits, as release ids show it
        lambda word: word.release or "-",
        lambda word: word.note,
    ]
    rows = [("", "artifact", "release", ""), *(tuple(column(word) for column in columns) for word in words)]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
