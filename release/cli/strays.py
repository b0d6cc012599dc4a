"""What an account holds under a stack's names and in no state of it: left by an interrupted or repeated call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from release.cli.clouds.cloud import Kind, NotAsked
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import export

__all__ = ["Stray", "find", "strays"]

# Each cloud's plugin, and the file that knows what its accounts list.
CLOUDS = {"digitalocean": "digitalocean", "hcloud": "hetzner"}


@dataclass(frozen=True)
class Stray:
    """One thing that the state does not know, and the command that removes it."""

    what: str
    id: str
    name: str
    command: str

    def text(self) -> str:
        return f"{self.what} {self.id}{f' ({self.name})' if self.name else ''}: {self.command}"


def strays(project: Project, name: str, *, as_json: bool = False) -> int:
    """Print what is left over with the commands that remove it; 1 when there is any."""
    try:
        found = find(export(project, name))
    except NotAsked as reason:
        raise Refusal(f"{name}: the account cannot be looked at: {reason}") from None
    if as_json:
        print(json.dumps([asdict(each) for each in found]))
    elif found:
        print(f"in this account under the names of {name}, and in no state of it; if nobody needs them:")
        print(*(f"  {each.text()}" for each in found), sep="\n")
    else:
        print(f"nothing in this account is called as if it were {name}'s without being in its state")
    return 1 if found else 0


def find(exported: Mapping[str, Any]) -> list[Stray]:
    """Hold the account against the state."""
    deployment = exported.get("deployment") or {}
    resources: Sequence[Mapping[str, Any]] = deployment.get("resources") or []
    if not resources:
        return []
    cloud, prefix = _cloud(resources), _prefix(resources[0]["urn"])
    held = {(row["type"], str(row.get("id"))) for row in resources}
    api = cloud.Api()
    return [
        _stray(cloud, kind, row)
        for kind in cloud.KINDS
        for row in api.all(kind.path, kind.rows)
        if (cloud.PLUGIN + kind.type, str(row[kind.id])) not in held and cloud.ours(kind, row, prefix, resources)
    ]


def _cloud(resources: Sequence[Mapping[str, Any]]) -> Any:
    """The file of the cloud that a state has things of; an `up` that made nothing yet leaves it open."""
    plugins = {str(row["type"]).partition(":")[0] for row in resources}
    name = next((file for plugin, file in CLOUDS.items() if plugin in plugins), "digitalocean")
    return import_module(f"release.cli.clouds.{name}_api")


def _prefix(urn: str) -> str:
    """How the program begins its names: project and stack, in characters that every cloud takes."""
    stack, project = urn.split("::")[0].rpartition(":")[2], urn.split("::")[1]
    return re.sub(r"[^a-z0-9]+", "-", f"{project}-{stack}".lower())[:40].strip("-")


def _stray(cloud: Any, kind: Kind, row: Mapping[str, Any]) -> Stray:
    id = str(row[kind.id])
    command = kind.removal(id, cloud.CURL)
    return Stray(what=kind.what, id=id, name=str(row.get("name") or ""), command=command)
