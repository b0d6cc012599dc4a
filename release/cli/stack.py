"""What the engine's state says about an environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from release.cli.engine import captured
from release.cli.project import Project
from release.cli.refusal import Refusal, meant
from release.ssh import Server

__all__ = ["LastUpdate", "Stack", "export", "last_update", "replace_state"]


@dataclass(frozen=True)
class Stack:
    """An environment's outputs."""

    name: str
    outputs: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, project: Project, name: str) -> Stack:
        """Ask the engine; a stack that has never been up is refused."""
        outputs = _pulumi(project, name, "output", "--show-secrets")
        if not outputs:
            raise Refusal(f"{name}: has no outputs yet, run pulumi up -s {name}")
        return cls(name=name, outputs=outputs)

    @property
    def url(self) -> str:
        return str(self._output("url"))

    @property
    def host(self) -> str:
        """The name (and port, where it is not the usual one) the live site answers under."""
        return urlsplit(self.url).netloc

    @property
    def site(self) -> str:
        return str(self._output("site"))

    @property
    def artifact(self) -> str:
        return str(self._output("artifact"))

    @property
    def release(self) -> str:
        return str(self._output("release"))

    @property
    def servers(self) -> tuple[Server, ...]:
        return tuple(Server.parse(each) for each in self._output("servers"))

    @property
    def media(self) -> Mapping[str, Any]:
        """Where uploads live, with the key that opens it."""
        found: Mapping[str, Any] = self._output("media")
        return found

    @property
    def login_key(self) -> str:
        return str(self._output("login_key"))

    def _output(self, key: str) -> Any:
        if key not in self.outputs:
            raise Refusal(f"{self.name}: has no output {key} yet, run pulumi up -s {self.name}")
        return self.outputs[key]


@dataclass(frozen=True)
class LastUpdate:
    """How the engine's last operation on a stack ended."""

    kind: str = "none"
    result: str = "not run"

    @property
    def good(self) -> bool:
        """Whether the stack stands as its file said."""
        return self.result == "succeeded" and self.kind != "destroy"


def last_update(project: Project, name: str) -> LastUpdate:
    """The newest entry of the stack's history; a preview changes nothing and does not count."""
    entries = [entry for entry in _pulumi(project, name, "history") if entry.get("kind") != "preview"]
    return LastUpdate(kind=entries[0]["kind"], result=entries[0]["result"]) if entries else LastUpdate()


def export(project: Project, name: str) -> Any:
    """The whole state of a stack, its secrets still encrypted."""
    return _pulumi(project, name, "export")


def replace_state(project: Project, name: str, state: Any) -> None:
    """Give the engine another state, as `export` tells one; the one before stays in the backend's own history."""
    ended = captured(project, "stack", "import", "-s", name, input=json.dumps(state))
    if ended.returncode:
        raise Refusal(f"{name}: pulumi stack import failed: {_cause(ended.stderr)}")


def _pulumi(project: Project, stack: str, *words: str) -> Any:
    json_asked = [] if words == ("export",) else ["--json"]
    ended = captured(project, "stack", *words, *json_asked, "-s", stack)
    if ended.returncode == 0:
        return json.loads(ended.stdout or "null")
    if "no stack named" in ended.stderr:
        raise Refusal(f"{stack}: no such stack in {project.directory}, {meant(stack, _stacks(project))}")
    raise Refusal(f"{stack}: pulumi stack {words[0]} failed: {_cause(ended.stderr)}")


def _stacks(project: Project) -> list[str]:
    ended = captured(project, "stack", "ls", "--json")
    return sorted(str(each["name"]).split("/")[-1] for each in json.loads(ended.stdout or "[]"))


def _cause(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("warning:")]
    return " ".join(lines).removeprefix("error: ") or "without a word"
