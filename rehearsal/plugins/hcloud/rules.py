"""Rules of the Hetzner Cloud plugin that a table cannot say: cross-checks, and values that mean the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from rehearsal.plugins.wire import UNKNOWN, Values

_DIRECTIONS = ("in", "out")
_PROTOCOLS = ("tcp", "udp", "icmp", "esp", "gre")
_SUBNETS = ("cloud", "server", "vswitch")


def sha1(text: str) -> str:
    """User data as the state holds it."""
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def networks(addresses: list[Any]) -> list[Any]:
    """Addresses and ranges in the one form that the cloud answers."""
    return [_network(address) if isinstance(address, str) else address for address in addresses]


def left_alone(wanted: Any, held: Any, state: Values) -> bool:
    """Left out, whatever the state holds is right: another resource may have put it there."""
    return not wanted


def left_to_others(wanted: Any, held: Any, state: Values) -> bool:
    """With `ignoreRemoteFirewallIds`, firewalls that are attached by other means do not count."""
    return bool(state.get("ignoreRemoteFirewallIds")) and bool(wanted) and bool(held)


def outside_its_subnet(state: Values) -> str | None:
    """What of a place in a network asks for a new place: it is not where its subnet says."""
    subnet, address = state.get("subnetId"), state.get("ip")
    if not isinstance(subnet, str):
        return None
    network, _, range = subnet.partition("-")
    if isinstance(state.get("networkId"), int) and str(state["networkId"]) != network:
        return "networkId"
    try:
        inside = not isinstance(address, str) or ip_address(address) in ip_network(range)
    except ValueError:  # neither of them is what it should be: the cloud will say so
        return None
    return None if inside else "ip"


def one_of(*names: str) -> Callable[[Values], str | None]:
    """Exactly one of these inputs has to be given."""

    def rule(values: Values) -> str | None:
        given = [name for name in names if values.get(name) is not None]
        said = ", ".join(given) or "none"
        return None if len(given) == 1 else f"exactly one of {', '.join(names)} has to be given (got {said})"

    return rule


def a_network_once(values: Values) -> str | None:
    """A server joins a network once, by its network or by one of its subnets."""
    seen: list[Any] = []
    for index, block in enumerate(_known(values.get("networks"))):
        network, subnet = block.get("networkId"), block.get("subnetId")
        if network is None and subnet is None:
            return f"networks[{index}]: must specify either networkId or subnetId"
        if isinstance(subnet, str):
            network = int(subnet.partition("-")[0])
        if network is not UNKNOWN and network in seen:
            return f"networks[{index}]: server is only allowed to be attached to each network once: {network}"
        seen.append(network)
    return None


def possible_rules(values: Values) -> str | None:
    """The words of a firewall's rules, and ranges that begin where they say."""
    for index, rule in enumerate(_known(values.get("rules"))):
        for name, words in (("direction", _DIRECTIONS), ("protocol", _PROTOCOLS)):
            if rule.get(name) not in (*words, UNKNOWN):
                return f"rules[{index}].{name}: should be one of {', '.join(words)} (got {rule.get(name)!r})"
        for name in ("sourceIps", "destinationIps"):
            if wrong := next((text for text in rule.get(name) or () if not _is_range(text)), None):
                return (
                    f"rules[{index}].{name}: should be addresses, or ranges that begin with their first (got {wrong!r})"
                )
    return None


def a_kind_of_subnet(values: Values) -> str | None:
    """The words of a subnet."""
    kind = values.get("type")
    return None if kind in (*_SUBNETS, UNKNOWN) else f"type: should be one of {', '.join(_SUBNETS)} (got {kind!r})"


def a_range(values: Values) -> str | None:
    """The network's range has to be one."""
    given = values.get("ipRange")
    return None if _is_network(given) else f"ipRange: should be a range such as 10.0.0.0/16 (got {given!r})"


def an_assignee_has_a_type(values: Values) -> str | None:
    """Who gets a primary IP is told by number and kind."""
    alone = values.get("assigneeId") is not None and values.get("assigneeType") is None
    return "assigneeId: has to be given together with assigneeType" if alone else None


def nameservers_fit(values: Values) -> str | None:
    """A secondary zone has primary nameservers, a primary one none."""
    given = values.get("primaryNameservers") is not None
    if values.get("mode") == "primary" and given:
        return "primaryNameservers: is forbidden when mode is primary"
    return (
        "primaryNameservers: is required when mode is secondary"
        if values.get("mode") == "secondary" and not given
        else None
    )


def has_records(values: Values) -> str | None:
    """An empty set of records is no record set."""
    return "records: should hold at least one record (got none)" if values.get("records") == [] else None


def _known(blocks: Any) -> list[Values]:
    return [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []


def _network(text: str) -> str:
    try:
        return ip_interface(text).with_prefixlen
    except ValueError:
        return text


def _is_network(text: Any) -> bool:
    if text is UNKNOWN:
        return True
    try:
        ip_network(text, strict=False)
    except (TypeError, ValueError):
        return False
    return "/" in text


def _is_range(text: Any) -> bool:
    if text is UNKNOWN:
        return True
    try:
        ip_network(text)
    except (TypeError, ValueError):
        return False
    return True
