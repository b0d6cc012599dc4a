"""What an account holds under a stack's names and in no state of it: left by an interrupted or repeated call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from release.cli.clouds.cloud import NotAsked
from release.cli.clouds.digitalocean_api import Api
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import export

__all__ = ["Stray", "find", "strays"]
API = "https://api.digitalocean.com"


@dataclass(frozen=True)
class Kind:
    """One kind of thing an account lists: where, under which key, what identifies one, and how ours are called."""

    what: str
    type: str
    path: str
    rows: str
    role: str  # of the names the engine gives: PREFIX-ROLE and seven digits; "" for what has no name
    doctl: str
    id: str = "id"


KINDS = (
    Kind("droplet", "droplet:Droplet", "droplets", "droplets", r"web-\d+", "compute droplet delete"),
    Kind("database", "databaseCluster:DatabaseCluster", "databases", "databases", "database", "databases delete"),
    Kind("firewall", "firewall:Firewall", "firewalls", "firewalls", "web", "compute firewall delete"),
    Kind("network", "vpc:Vpc", "vpcs", "vpcs", "network", "vpcs delete"),
    Kind("SSH key", "sshKey:SshKey", "account/keys", "ssh_keys", "login", "compute ssh-key delete"),
    Kind("Spaces key", "spacesKey:SpacesKey", "spaces/keys", "keys", "spaces|media|releases", "", "access_key"),
    Kind("unassigned address", "reservedIp:ReservedIp", "reserved_ips", "reserved_ips", "", "", "ip"),
)


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
        found = find(export(project, name), Api())
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


def find(exported: Mapping[str, Any], api: Api) -> list[Stray]:
    """Hold the account against the state."""
    deployment = exported.get("deployment") or {}
    resources: Sequence[Mapping[str, Any]] = deployment.get("resources") or []
    if not resources:
        return []
    held = {(row["type"], str(row.get("id"))) for row in resources}
    regions = {(row.get("outputs") or {}).get("region") for row in resources if row["type"].endswith(":ReservedIp")}
    prefix = _prefix(resources[0]["urn"])
    return [
        _stray(kind, row)
        for kind in KINDS
        for row in api.all(kind.path, kind.rows)
        if ("digitalocean:index/" + kind.type, str(row[kind.id])) not in held and _ours(kind, row, prefix, regions)
    ]


def _prefix(urn: str) -> str:
    """How the program begins its names: project and stack, in characters that every cloud takes."""
    stack, project = urn.split("::")[0].rpartition(":")[2], urn.split("::")[1]
    return re.sub(r"[^a-z0-9]+", "-", f"{project}-{stack}".lower())[:40].strip("-")


def _ours(kind: Kind, row: Mapping[str, Any], prefix: str, regions: set[Any]) -> bool:
    if not kind.role:  # an address has no name; where the stack has none yet, every region could be its own
        return not row.get("droplet") and (not regions or row["region"]["slug"] in regions)
    tagged = any(re.fullmatch(rf"{prefix}-web-[0-9a-f]+", tag) for tag in row.get("tags") or [])
    named = re.fullmatch(rf"{prefix}-({kind.role})-[0-9a-f]{{7}}", row["name"]) is not None
    return (tagged or named) and not row.get("default")


def _stray(kind: Kind, row: Mapping[str, Any]) -> Stray:
    id = str(row[kind.id])
    api = f"${{DIGITALOCEAN_API_URL:-{API}}}/v2"
    curl = f'curl -fsS -H "Authorization: Bearer $DIGITALOCEAN_TOKEN" -X DELETE {api}/{kind.path}/{id}'
    command = f"doctl {kind.doctl} {id}, or {curl}" if kind.doctl else curl
    return Stray(what=kind.what, id=id, name=str(row.get("name") or ""), command=command)
