"""Everything an account holds, counted by DigitalOcean's own client, and held against what stacks' states say."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.rehearsal.stage import Stage

Thing = tuple[str, str]  # kind and id
STATE = {
    "droplet:Droplet": "droplet",
    "vpc:Vpc": "vpc",
    "reservedIp:ReservedIp": "address",
    "firewall:Firewall": "firewall",
    "databaseCluster:DatabaseCluster": "cluster",
    "databaseDb:DatabaseDb": "database",
    "databaseUser:DatabaseUser": "user",
    "sshKey:SshKey": "key",
    "spacesKey:SpacesKey": "spaces key",
    "spacesBucket:SpacesBucket": "bucket",
    "dnsRecord:DnsRecord": "record",
    "tag:Tag": "tag",
    "reservedIpAssignment:ReservedIpAssignment": "assignment",
}
GIVEN = ("doadmin", "defaultdb")  # what every cluster has


@dataclass(frozen=True)
class Census:
    """Things in the account and in no state, in a state and not in the account, and twice of one name."""

    orphans: list[Thing] = field(default_factory=list)
    missing: list[Thing] = field(default_factory=list)
    duplicates: list[Thing] = field(default_factory=list)


def count(account: Mapping[Thing, str], held: Iterable[Thing], *, owned: Iterable[Thing] = ()) -> Census:
    """Hold an account (what is there, and its name) against states; `owned` is no stack's, or no more."""
    known = set(held)
    names = Counter((kind, name) for (kind, _), name in account.items() if name)
    return Census(
        orphans=sorted(set(account) - known - set(owned)),
        missing=sorted(known - set(account)),
        duplicates=sorted((kind, name) for (kind, name), times in names.items() if times > 1),
    )


def account(stage: Stage) -> dict[Thing, str]:
    """What is there, asked inside the rehearsal."""
    said = stage.type(f"inside {sys.executable} -m tests.rehearsal.census").stdout
    buckets = [row["name"] for row in stage.cloud("inventory")["resources"] if row["kind"] == "buckets"]
    return {(kind, id): name for kind, id, name in [*json.loads(said), *(("bucket", name, "") for name in buckets)]}


def held(stage: Stage, stacks: Sequence[str]) -> set[Thing]:
    """What the states of these stacks hold."""
    return {thing for row in _rows(stage, stacks) for thing in _held(row)}


def kept(stage: Stage, stacks: Sequence[str]) -> set[Thing]:
    """What of it `pulumi destroy` is to leave: the bucket of the backups."""
    return {thing for row in _rows(stage, stacks) if row.get("retainOnDelete") for thing in _held(row)}


def _rows(stage: Stage, stacks: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for stack in stacks:
        exported = json.loads(stage.type(f"pulumi stack export -s {stack}").stdout)
        yield from exported["deployment"].get("resources") or []


def _held(row: Mapping[str, Any]) -> Iterator[Thing]:
    kind, outputs = STATE.get(str(row["type"]).removeprefix("digitalocean:index/")), row.get("outputs") or {}
    if kind in ("database", "user"):
        yield kind, f"{outputs['clusterId']}/{outputs['name']}"
    elif kind == "assignment":
        yield kind, f"{outputs['ipAddress']}-{outputs['dropletId']}"
    elif kind:
        yield kind, str(row["id"])


def main() -> None:
    """Print the account as rows of kind, id and name."""
    import pydo

    client = pydo.Client(os.environ["DIGITALOCEAN_TOKEN"], endpoint=os.environ["DIGITALOCEAN_API_URL"])
    print(json.dumps([*_account(client)]))


def _account(client: Any) -> Iterator[tuple[str, str, str]]:
    lists: list[tuple[str, Callable[..., Any], str, str]] = [
        ("droplet", client.droplets.list, "droplets", "id"),
        ("vpc", client.vpcs.list, "vpcs", "id"),
        ("firewall", client.firewalls.list, "firewalls", "id"),
        ("key", client.ssh_keys.list, "ssh_keys", "id"),
        ("spaces key", client.spaces_key.list, "keys", "access_key"),
        ("tag", client.tags.list, "tags", "name"),
    ]
    for kind, ask, rows, id in lists:
        yield from ((kind, str(row[id]), row["name"]) for row in _all(ask, rows))
    for row in _all(client.reserved_ips.list, "reserved_ips"):
        yield "address", row["ip"], ""
        if row.get("droplet"):
            yield "assignment", f"{row['ip']}-{row['droplet']['id']}", row["ip"]
    for row in client.databases.list_clusters(enforce_https=False).get("databases") or []:
        yield "cluster", row["id"], row["name"]
        yield from (("database", f"{row['id']}/{name}", "") for name in row["db_names"] if name not in GIVEN)
        yield from (("user", f"{row['id']}/{u['name']}", "") for u in row["users"] if u["name"] not in GIVEN)
    for zone in _all(client.domains.list, "domains"):
        for row in _all(partial(client.domains.list_records, zone["name"]), "domain_records"):
            kept = row["type"] in ("NS", "SOA", "TXT", "MX")  # may be there more than once
            name = "" if kept else f"{row['type']} {row['name']}.{zone['name']}"
            yield "record", str(row["id"]), name


def _all(ask: Callable[..., Any], rows: str) -> Iterator[Mapping[str, Any]]:
    page, more = 1, True
    while more:
        answer = ask(per_page=200, page=page, enforce_https=False)
        yield from answer.get(rows) or []
        page, more = page + 1, bool(((answer.get("links") or {}).get("pages") or {}).get("next"))


if __name__ == "__main__":
    main()
