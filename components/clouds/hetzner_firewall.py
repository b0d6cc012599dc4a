"""What a Hetzner firewall lets through: the web from everywhere, SSH from where the stack file says.

It stands before the public side only; what may come from the private network is the machines' own firewall's to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_hcloud as hcloud

ANYWHERE = ["0.0.0.0/0", "::/0"]
Rule = tuple[str, str | None, list[str]]


def web(ssh_from: Sequence[str]) -> list[Rule]:
    """Protocol, port and sources of what may come in to a web server."""
    return [*data(ssh_from), ("tcp", "80", ANYWHERE), ("tcp", "443", ANYWHERE), ("udp", "443", ANYWHERE)]


def data(ssh_from: Sequence[str]) -> list[Rule]:
    """The same of a machine that serves the private network only."""
    return [("tcp", "22", [*ssh_from]), ("icmp", None, ANYWHERE)]


def inbound(wanted: Sequence[Rule]) -> list[hcloud.FirewallRuleArgs]:
    """The rules as the provider takes them; without one for the way out everything may go out."""
    return [
        hcloud.FirewallRuleArgs(direction="in", protocol=protocol, port=port, source_ips=sources)
        for protocol, port, sources in wanted
    ]


def told(wanted: Sequence[Rule]) -> str:
    """The rules as `slipway status` writes them."""
    return "; ".join(sorted(_told(*rule) for rule in wanted))


def _told(protocol: str, port: str | None, sources: Sequence[str]) -> str:
    what = f"{protocol} {port}" if port else protocol
    return what if set(sources) == set(ANYWHERE) else f"{what} from {', '.join(sorted(sources))}"
