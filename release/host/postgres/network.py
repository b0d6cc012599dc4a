"""The private network as this machine sees it, and the one port that is opened to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ..agent.failure import Failure
from ..agent.machine import Machine
from .files import put
from .place import Place

__all__ = ["Network", "look", "open_port"]

PATIENCE = 60  # seconds: a private interface may come later than the machine
BLOCKS = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]


@dataclass(frozen=True)
class Network:
    """The interface that carries our private address, and who is on it."""

    interface: str
    range: IPv4Network


def look(machine: Machine, address: str) -> Network:
    """Find the interface; its range is what is routed over it, a block of private addresses where nothing says."""
    for _ in range(PATIENCE):
        if interface := _interface(machine, address):
            return Network(interface, _range(machine, interface, IPv4Address(address)))
        machine.pause(1)
    raise Failure(f"network: {address} did not appear on this machine within {PATIENCE} s, look at its private network")


def open_port(place: Place, machine: Machine, network: Network) -> list[str]:
    """Let the private network in, and nobody else; the machine's own firewall includes the file."""
    if not put(place.root / "etc/nftables.d/postgres.nft", "port.nft", **vars(network)):
        return []
    machine.run(["nft", "--file", "/etc/nftables.conf"])
    return ["port"]


def _interface(machine: Machine, address: str) -> str:
    for link in json.loads(machine.run(["ip", "-json", "-4", "address"]).out or "[]"):
        if any(each.get("local") == address for each in link.get("addr_info", [])):
            return str(link["ifname"])
    return ""


def _range(machine: Machine, interface: str, address: IPv4Address) -> IPv4Network:
    if address.is_loopback:
        return IPv4Network(f"{address}/32")
    block = next((block for block in BLOCKS if address in block), None)
    if block is None:
        raise Failure(f"network: should be a private address (got {address})")
    routes = json.loads(machine.run(["ip", "-json", "-4", "route", "show", "dev", interface]).out or "[]")
    named = [IPv4Network(route["dst"]) for route in routes if "/" in route.get("dst", "")]
    fitting = [each for each in named if address in each and each.subnet_of(block)]
    return max(fitting, key=lambda each: each.num_addresses, default=block)
