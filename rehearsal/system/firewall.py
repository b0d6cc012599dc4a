"""The packet filters: between the rehearsal and the host, and between the machines, as the cloud's own firewall."""

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from string import Template
from typing import Any, Protocol

from rehearsal import paths


class Rule(Protocol):
    """One line of a cloud firewall: ports is "" (all), "22" or "8000-9000"; no addresses match nobody."""

    @property
    def protocol(self) -> str: ...
    @property
    def ports(self) -> str: ...
    @property
    def addresses(self) -> Sequence[str]: ...


class FirewallRules(Protocol):
    """What one attached firewall lets in and out."""

    @property
    def inbound(self) -> Sequence[Rule]: ...
    @property
    def outbound(self) -> Sequence[Rule]: ...


def to_json(attached: Sequence[FirewallRules]) -> dict[str, list[dict[str, Any]]]:
    """All firewalls of one machine as plain data; they add up."""
    return {
        side: [
            {"protocol": rule.protocol, "ports": rule.ports, "addresses": list(rule.addresses)}
            for rules in attached
            for rule in getattr(rules, side)
        ]
        for side in ("inbound", "outbound")
    }


def render_host(*, resolvers: Sequence[str], unrouted: Sequence[str]) -> str:
    """The host's table; between the `unrouted` links the host must not become a router because of us."""
    names = ", ".join(f'"{name}"' for name in unrouted)
    return _filled(
        "host.nft",
        table=f"inet {paths.NFT_TABLE}",
        link=paths.HOST_LINK,
        network=str(paths.link_network()),
        resolvers=", ".join(resolvers),
        unrouted=f"iifname {{ {names} }} oifname {{ {names} }} drop" if unrouted else "",
    )


def _filled(template: str, **values: str) -> str:
    return Template(Path(__file__).with_name(template).read_text()).substitute(values)


def render(
    *, plugs: list[dict[str, Any]], addresses: dict[str, int], networks: dict[str, str], firewalls: dict[str, Any]
) -> str:
    """The cloud firewall as one transaction."""
    ranges, machines = sorted(set(networks.values())), {plug["machine"]: plug for plug in plugs}
    return _filled(
        "cloud.nft",
        machines="".join(_machine_chains(machine, firewalls.get(str(machine))) for machine in machines),
        spoofed="".join(_spoofed(plug, addresses) for plug in plugs),
        outgoing=_verdicts("iifname", "jump out", plugs),
        incoming=_verdicts("oifname", "goto in", plugs, links=("pub",)),
        within="".join(_within(ip_range, plugs) for ip_range in ranges),
        databases="".join(_databases(ip_range, plugs) for ip_range in ranges),
        link=paths.INNER_LINK,
        **{"metadata": paths.METADATA, "gateway": paths.GATEWAY, "s3": paths.S3, "acme": paths.ACME},
    )


def _machine_chains(machine: int, rules: dict[str, Any] | None) -> str:
    """What comes in ends here with a verdict; what goes out returns when it may, to be judged by its target."""
    if rules is None:
        return f"  chain in_{machine} {{ accept\n  }}\n  chain out_{machine} {{ return\n  }}\n"
    into = "".join(f"    {match}accept\n" for rule in rules["inbound"] for match in _matches(rule, "saddr"))
    out = "".join(f"    {match}return\n" for rule in rules["outbound"] for match in _matches(rule, "daddr"))
    return f"  chain in_{machine} {{\n{into}    drop\n  }}\n  chain out_{machine} {{\n{out}    drop\n  }}\n"


def _matches(rule: dict[str, Any], side: str) -> list[str]:
    what = _protocol(rule["protocol"], rule["ports"])
    return [_address(address, side) + what for address in rule["addresses"]]


def _protocol(protocol: str, ports: str) -> str:
    if protocol == "icmp":
        return "meta l4proto { icmp, ipv6-icmp } "
    return f"{protocol} dport {ports} " if ports else f"meta l4proto {protocol} "


def _address(address: str, side: str) -> str:
    family = "ip" if (parsed := ip_network(address, strict=False)).version == 4 else "ip6"
    if parsed.prefixlen == 0:
        return f"meta nfproto ipv{parsed.version} "
    return f"{family} {side} {parsed} "


def _spoofed(plug: dict[str, Any], addresses: dict[str, int]) -> str:
    """A machine sends with its own addresses only."""
    machine = plug["machine"]
    own = [plug["public"], *sorted(address for address, holder in addresses.items() if holder == machine)]
    public = f'    iifname "pub{machine}" ip saddr != {{ {", ".join(own)} }} drop\n' if plug["public"] else ""
    private = f'    iifname "prv{machine}" ip saddr != {plug["private"]} drop\n' if plug["private"] else ""
    return public + private


def _verdicts(side: str, verdict: str, plugs: list[dict[str, Any]], *, links: Sequence[str] = ("pub", "prv")) -> str:
    pairs = [
        f'"{link}{plug["machine"]}" : {verdict}_{plug["machine"]}'
        for plug in plugs
        for link in links
        if link == "pub" or plug["private"]
    ]
    return f"    {side} vmap {{ {', '.join(pairs)} }}\n" if pairs else ""


def _members(ip_range: str, plugs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [plug for plug in plugs if plug["private"] and plug["vpc_range"] == ip_range]


def _within(ip_range: str, plugs: list[dict[str, Any]]) -> str:
    """Private links reach the private links of their own network, through the target's firewall."""
    members = _members(ip_range, plugs)
    if not members:
        return ""
    sources = ", ".join(f'"prv{plug["machine"]}"' for plug in members)
    targets = ", ".join(f'"prv{plug["machine"]}" : goto in_{plug["machine"]}' for plug in members)
    return f"    iifname {{ {sources} }} ip daddr {ip_range} oifname vmap {{ {targets} }}\n"


def _databases(ip_range: str, plugs: list[dict[str, Any]]) -> str:
    """The cloud's own servers in a private network answer its members."""
    members = _members(ip_range, plugs)
    if not members:
        return ""
    sources = ", ".join(f'"prv{plug["machine"]}"' for plug in members)
    return f"    iifname {{ {sources} }} ip daddr {ip_range} meta l4proto {{ tcp, icmp }} accept\n"
