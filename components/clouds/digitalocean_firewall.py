"""What a DigitalOcean firewall lets through: the web from everywhere, SSH from where the stack file says."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_digitalocean as do

ANYWHERE = ["0.0.0.0/0", "::/0"]
Rule = tuple[str, str | None, list[str]]


def rules(ssh_from: Sequence[str]) -> list[Rule]:
    """Protocol, ports and sources of what may come in."""
    return [
        ("tcp", "22", [*ssh_from]),
        ("tcp", "80", ANYWHERE),
        ("tcp", "443", ANYWHERE),
        ("udp", "443", ANYWHERE),
        ("icmp", None, ANYWHERE),
    ]


def inbound(wanted: Sequence[Rule]) -> list[do.FirewallInboundRuleArgs]:
    """The rules as the provider takes them."""
    return [
        do.FirewallInboundRuleArgs(protocol=protocol, port_range=ports, source_addresses=sources)
        for protocol, ports, sources in wanted
    ]


def outbound() -> list[do.FirewallOutboundRuleArgs]:
    """Everything may go out."""
    return [
        do.FirewallOutboundRuleArgs(protocol="tcp", port_range="1-65535", destination_addresses=ANYWHERE),
        do.FirewallOutboundRuleArgs(protocol="udp", port_range="1-65535", destination_addresses=ANYWHERE),
        do.FirewallOutboundRuleArgs(protocol="icmp", destination_addresses=ANYWHERE),
    ]


def told(wanted: Sequence[Rule]) -> str:
    """The rules as `slipway status` writes them."""
    return "; ".join(sorted(_told(*rule) for rule in wanted))


def _told(protocol: str, ports: str | None, sources: Sequence[str]) -> str:
    what = f"{protocol} {ports}" if ports else protocol
    return what if set(sources) == set(ANYWHERE) else f"{what} from {', '.join(sorted(sources))}"
