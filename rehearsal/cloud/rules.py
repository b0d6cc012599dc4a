"""From the API's firewalls, tags and trusted sources to addresses: pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

from rehearsal.cloud.hetzner import rules as hetzner
from rehearsal.cloud.ports import FirewallRules, Rule
from rehearsal.cloud.rows import Database, Droplet, Firewall, Json
from rehearsal.cloud.store import State

EVERYWHERE = ["0.0.0.0/0"]


def attached(state: State, droplet: Droplet) -> list[Firewall]:
    """Give the firewalls of a droplet, by its id or one of its tags."""
    return [
        wall
        for wall in state.firewalls.values()
        if droplet.id in wall.droplet_ids or set(wall.tags) & set(droplet.tags)
    ]


def firewalls(state: State) -> dict[int, list[FirewallRules]]:
    """Give every machine's firewalls; machines without one are left out."""
    found = {droplet.id: attached(state, droplet) for droplet in state.droplets.values()}
    droplets = {id: [_resolve(state, wall) for wall in walls] for id, walls in found.items() if walls}
    return {**droplets, **hetzner.firewalls(state.hetzner)}


def trusted(state: State) -> dict[str, list[str]]:
    """Give every running cluster's trusted addresses; a cluster without sources trusts everybody."""
    return {
        cluster.id: _sources(state, cluster) if cluster.rules else EVERYWHERE
        for cluster in state.databases.values()
        if cluster.status != "creating" and not cluster.doomed
    }


def _resolve(state: State, wall: Firewall) -> FirewallRules:
    return FirewallRules(
        name=wall.name,
        inbound=tuple(_rule(state, row, "sources") for row in wall.inbound_rules),
        outbound=tuple(_rule(state, row, "destinations") for row in wall.outbound_rules),
    )


def _rule(state: State, row: Json, side: str) -> Rule:
    ports = str(row.get("ports") or "")
    return Rule(
        protocol=cast(Literal["tcp", "udp", "icmp"], row["protocol"]),
        ports="" if ports in ("0", "all") or row["protocol"] == "icmp" else ports,
        addresses=_addresses(state, row.get(side) or {}),
    )


def _addresses(state: State, ends: Json) -> tuple[str, ...]:
    tags, ids = set(ends.get("tags") or ()), set(ends.get("droplet_ids") or ())
    named = [d for d in state.droplets.values() if d.id in ids or tags & set(d.tags)]
    return tuple(dict.fromkeys([*(ends.get("addresses") or ()), *_of(named)]))


def _of(droplets: Iterable[Droplet]) -> list[str]:
    return [address for droplet in droplets for address in (droplet.public_ip, droplet.private_ip)]


def _sources(state: State, cluster: Database) -> list[str]:
    found: list[str] = []
    for rule in cluster.rules:
        if rule["type"] == "ip_addr":
            found.append(rule["value"])
        elif rule["type"] == "droplet":
            found += _of(d for d in state.droplets.values() if str(d.id) == rule["value"])
        elif rule["type"] == "tag":
            found += _of(d for d in state.droplets.values() if rule["value"] in d.tags)
    return list(dict.fromkeys(found))
