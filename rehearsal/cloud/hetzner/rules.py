"""From Hetzner's firewalls to rules by address: pure."""

from __future__ import annotations

from rehearsal.cloud.hetzner import labels
from rehearsal.cloud.hetzner.rows import Firewall, Server, Tables
from rehearsal.cloud.ports import FirewallRules, IpProtocol, Rule
from rehearsal.cloud.rows import Json

EVERYWHERE = ("0.0.0.0/0", "::/0")
PROTOCOLS: tuple[IpProtocol, ...] = ("tcp", "udp", "icmp", "esp", "gre")
ANY = tuple(Rule(protocol=protocol, ports="", addresses=EVERYWHERE) for protocol in PROTOCOLS)


def of(tables: Tables, server: Server) -> list[Firewall]:
    """List what guards a server, by its id or its labels."""
    return [
        wall
        for wall in tables.firewalls.values()
        if server.id in wall.servers or any(labels.matches(selector, server.labels) for selector in wall.selectors)
    ]


def firewalls(tables: Tables) -> dict[int, list[FirewallRules]]:
    """Give every server's firewalls; servers without one are left out."""
    found = {server.id: of(tables, server) for server in tables.servers.values()}
    return {id: _resolve(walls) for id, walls in found.items() if walls}


def _resolve(walls: list[Firewall]) -> list[FirewallRules]:
    """What no rule lets in stays out; what goes out is free until some rule says what may."""
    bound = any(row["direction"] == "out" for wall in walls for row in wall.rules)
    return [
        FirewallRules(
            name=wall.name,
            inbound=tuple(_rule(row, "source_ips") for row in wall.rules if row["direction"] == "in"),
            outbound=tuple(_rule(row, "destination_ips") for row in wall.rules if row["direction"] == "out")
            if bound
            else ANY,
        )
        for wall in walls
    ]


def _rule(row: Json, side: str) -> Rule:
    port = row["port"] or ""
    return Rule(protocol=row["protocol"], ports="" if port == "any" else port, addresses=tuple(row[side]))
