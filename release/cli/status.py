"""Does what the state says run, what the live site says, and what the servers say, agree?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
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
    said: Mapping[str, Any] | None = field(default=None, repr=False)  # its whole answer, None when it is silent


@dataclass(frozen=True)
class Look:
    """What all of them say at one time."""

    stack: Stack
    update: LastUpdate
    site: Word
    servers: tuple[Word, ...]

    @property
    def state(self) -> Word:
        """The engine's own word, the one the others are held against."""
        note = f"last {self.update.kind} {self.update.result}"
        return Word("state", artifact=self.stack.artifact, release=self.stack.release, note=note)

    @property
    def disagreements(self) -> list[str]:
        """One line for each word that is not the state's, and one for an update that did not end well."""
        state = self.state
        lines = [] if self.update.good else [f"state: {state.note}"]
        for word in (self.site, *self.servers):
            if (word.artifact, word.release) != (state.artifact, state.release):
                runs = f"runs {word.release} of {word.artifact}" if word.release else word.note
                lines.append(f"{word.who}: should run {state.release} of {state.artifact} (got: {runs})")
        return lines

    def document(self) -> dict[str, Any]:
        """Everything, for programs."""
        state = {"artifact": self.state.artifact, "release": self.state.release, "update": asdict(self.update)}
        return {
            "stack": self.stack.name,
            "url": self.stack.url,
            "agree": not self.disagreements,
            "state": state,
            "site": self.site.said,
            "servers": {word.who: word.said for word in self.servers},
            "disagreements": self.disagreements,
        }

    def text(self) -> str:
        """A table, for people."""
        rows = _table([self.state, self.site, *self.servers])
        again = f"they do not agree: pulumi up -s {self.stack.name} brings them together"
        return "\n".join(
            [f"{self.stack.name}  {self.stack.url}", "", *rows, "", again if self.disagreements else "all agree"]
        )


def status(project: Project, name: str, *, as_json: bool = False) -> int:
    """Print what they say; 1 when they do not agree."""
    look = _look(project, name)
    print(json.dumps(look.document()) if as_json else look.text())
    return 1 if look.disagreements else 0


def _look(project: Project, name: str) -> Look:
    with ThreadPoolExecutor() as threads:
        history = threads.submit(last_update, project, name)
        stack = Stack.read(project, name)
        site = threads.submit(live, stack)
        servers = [threads.submit(_server, stack, each) for each in stack.servers]
        return Look(stack, history.result(), site.result(), tuple(each.result() for each in servers))


def live(stack: Stack) -> Word:
    """The live site's own word, over verified HTTPS."""
    try:
        running = ask_by_name(stack.host)
    except Silent as silent:
        return Word("live site", note=str(silent))
    return Word(
        "live site", artifact=running.artifact, release=running.release, note="over HTTPS", said=asdict(running)
    )


def _server(stack: Stack, server: Server) -> Word:
    try:
        said = ask(stack, server, verb="status")
    except (Refusal, ValueError, IndexError) as error:
        return Word(server.name, note=str(error).removeprefix(f"{server.name}: "))
    artifact, release = said.get("artifact") or "", said.get("release") or ""
    return Word(server.name, artifact=artifact, release=release, note=_slot(stack, said), said=said)


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
