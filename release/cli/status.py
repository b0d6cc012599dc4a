"""Does what the state says run, what the live site and the servers say, and what the cloud has, agree?

Exit codes: 0 all agree; 1 something disagrees; 3 nothing disagrees, but the cloud could not be asked. 2 is a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from release.cli.clouds import Asked, Row, ask_cloud
from release.cli.names import look_at_names
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.remote import ask
from release.cli.stack import LastUpdate, Stack, last_update
from release.live import Silent, ask_by_name
from release.ssh import Server

__all__ = ["Look", "Word", "live", "status"]

AGREE, DISAGREE, NOT_ASKED = 0, 1, 3


@dataclass(frozen=True)
class Word:
    """What the state, the live site or a server says runs; both ids are empty when it says nothing."""

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
    names: tuple[Row, ...]
    cloud: Asked

    @property
    def state(self) -> Word:
        """The engine's own word, the one the others are held against."""
        note = f"last {self.update.kind} {self.update.result}"
        return Word("state", artifact=self.stack.artifact, release=self.stack.release, note=note)

    @property
    def disagreements(self) -> list[str]:
        """One line each: what should be, what is, and the command that brings them together; causes come first."""
        up = f"pulumi up -s {self.stack.name}"
        state = [] if self.update.good else [f"state: {self.state.note}, {up}"]
        cloud, names = ([row.line for row in rows if not row.agrees] for rows in (self.cloud.rows, self.names))
        words = [self._line(word, up) for word in (self.site, *self.servers) if not self._as_the_state(word)]
        return [*state, *cloud, *words, *names]

    @property
    def notes(self) -> list[str]:
        """What is worth knowing and no disagreement."""
        births = self.stack.outputs.get("births") or {}
        text = "was made from an older cloud-init/, raise server-generation to renew it"
        old = [name for name, birth in births.items() if birth != births.get("cloud-init")]
        return [f"{name}: {text}" for name in old]

    @property
    def code(self) -> int:
        """The exit code."""
        return DISAGREE if self.disagreements else NOT_ASKED if self.cloud.reason else AGREE

    def document(self) -> dict[str, Any]:
        """Everything, for programs."""
        state = {"artifact": self.state.artifact, "release": self.state.release, "update": asdict(self.update)}
        rows = [{**asdict(row), "agrees": row.agrees} for row in (*self.cloud.rows, *self.names)]
        return {
            "stack": self.stack.name,
            "url": self.stack.url,
            "agree": not self.disagreements,
            "state": state,
            "site": self.site.said,
            "servers": {word.who: word.said for word in self.servers},
            "cloud": {"asked": not self.cloud.reason, "reason": self.cloud.reason, "rows": rows},
            "disagreements": self.disagreements,
            "notes": self.notes,
        }

    def words(self) -> Iterator[tuple[Word, bool]]:
        """Who says what runs, and whether it is what the state says."""
        for word in (self.state, self.site, *self.servers):
            yield word, self._as_the_state(word)

    def _as_the_state(self, word: Word) -> bool:
        return (word.artifact, word.release) == (self.stack.artifact, self.stack.release)

    def _line(self, word: Word, up: str) -> str:
        runs = f"runs {word.release} of {word.artifact}" if word.release else word.note
        # for the engine nothing has changed, so it has to be told to release again
        again = f"{up} --replace '**:Command::release'"
        again = again if word.release else f"see slipway logs {self.stack.name}, then {again}"
        return f"{word.who}: should run {self.stack.release} of {self.stack.artifact} (got: {runs}), {again}"


def status(project: Project, name: str, *, as_json: bool = False) -> int:
    """Print what they say; the exit code says whether they agree."""
    from release.cli.status_text import text

    look = _look(project, name)
    print(json.dumps(look.document()) if as_json else text(look))
    return look.code


def _look(project: Project, name: str) -> Look:
    with ThreadPoolExecutor() as threads:
        history = threads.submit(last_update, project, name)
        stack = Stack.read(project, name)
        site = threads.submit(live, stack)
        servers = [threads.submit(_server, stack, each) for each in stack.servers]
        names = threads.submit(look_at_names, stack.outputs, stack=name)
        cloud = threads.submit(ask_cloud, stack.outputs, stack=name)
        answers = tuple(each.result() for each in servers)
        return Look(stack, history.result(), site.result(), answers, tuple(names.result()), cloud.result())


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
