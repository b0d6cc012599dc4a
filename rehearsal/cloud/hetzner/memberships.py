"""Servers in private networks: which address each has there, and how it gets in and out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, catalog
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid
from rehearsal.cloud.hetzner.resources import find
from rehearsal.cloud.hetzner.rows import Action, Network, Server, Tables
from rehearsal.cloud.ports import Nic
from rehearsal.cloud.rows import Json

routes = Routes()
MOST_NETWORKS = 3


def check(tables: Tables, network: Network, place: str, wanted: Json | None = None) -> str:
    """Give the address a server of a location gets in a network, or refuse it."""
    zone, wanted = catalog.LOCATIONS[place].network_zone, wanted or {}
    subnets = [IPv4Network(each["ip_range"]) for each in network.subnets if each["network_zone"] == zone]
    if wanted.get("ip_range"):
        subnets = [each for each in subnets if str(each) == wanted["ip_range"]]
    if not subnets:
        raise ApiError("no_subnet_available", "no subnet of the network is available for the server")
    taken = _taken(tables, network)
    if wanted.get("ip"):
        return _checked(wanted["ip"], subnets, taken)
    free = (str(address) for subnet in subnets for address in subnet.hosts() if str(address) not in taken)
    found = next(free, None)
    if found is None:
        raise ApiError("no_subnet_available", "no free address in the network")
    return found


def _taken(tables: Tables, network: Network) -> set[str]:
    """List the addresses that somebody has; a network's first one is its gateway."""
    nets = [net for s in tables.servers.values() for net in s.private_net if net["network"] == network.id]
    gateway = str(IPv4Network(network.ip_range)[1])
    return {gateway, *(net["ip"] for net in nets), *(alias for net in nets for alias in net["alias_ips"])}


def _checked(wanted: Any, subnets: list[IPv4Network], taken: set[str]) -> str:
    try:
        address = IPv4Address(wanted)
    except ValueError:
        raise invalid("ip", f"{wanted} is not a valid IP") from None
    if not any(address in subnet for subnet in subnets):
        raise invalid("ip", "must lie in a subnet of the network")
    if str(address) in taken or any(address in (net.network_address, net.broadcast_address) for net in subnets):
        raise ApiError("ip_not_available", "the provided IP is not available")
    return str(address)


def add(tables: Tables, server: Server, network: Network, wanted: Json) -> Json:
    """Note a server's place in a network."""
    address = check(tables, network, server.location, wanted)
    net = {"network": network.id, "ip": address, "alias_ips": _aliases(tables, network, wanted), "mac_address": ""}
    net["mac_address"] = _mac(server.id, network.id)
    server.private_net.append(net)
    return net


def _aliases(tables: Tables, network: Network, wanted: Json) -> list[str]:
    subnets, taken = [IPv4Network(each["ip_range"]) for each in network.subnets], _taken(tables, network)
    return [_checked(alias, subnets, taken) for alias in wanted.get("alias_ips") or ()]


def _mac(server: int, network: int) -> str:
    octets = (0x86, 0, network & 0xFF, *server.to_bytes(8, "big")[-3:])
    return ":".join(f"{octet:02x}" for octet in octets)


def nic(tables: Tables, net: Json) -> Nic:
    """Give what the computer below makes of a server's place in a network."""
    ip_range = tables.networks[net["network"]].ip_range
    return Nic(network=net["network"], ip_range=ip_range, address=net["ip"], mac=net["mac_address"])


@routes.on("POST", "/servers/<int:id>/actions/attach_to_network")
def attach_to_network(call: Call, id: int) -> Answer:
    """Put a server into a network, running or not."""
    (wanted,) = call.need("network")
    with call.change() as tables:
        server, network = find(tables.servers, "server", id), find(tables.networks, "network", wanted)
        actions.free(tables, "server", id)
        if any(net["network"] == network.id for net in server.private_net):
            raise ApiError("server_already_attached", "server is already attached to the network")
        if len(server.private_net) >= MOST_NETWORKS:
            raise ApiError("resource_limit_exceeded", f"a server can be in {MOST_NETWORKS} networks")
        _check_overlap(tables, server, network)
        net = add(tables, server, network, call.body)
        ends: list[actions.Ref] = [("server", id), ("network", network.id)]
        action = actions.begin(tables, "attach_to_network", *ends, detail={"net": net})
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


def _check_overlap(tables: Tables, server: Server, network: Network) -> None:
    others = [IPv4Network(tables.networks[net["network"]].ip_range) for net in server.private_net]
    if any(IPv4Network(network.ip_range).overlaps(other) for other in others):
        raise ApiError("networks_overlap", "the network IP range overlaps with one of the server's networks")


@actions.work("attach_to_network")
def attach(cloud: Cloud, action: Action) -> None:
    """Plug the machine in; a server without one yet is born so."""
    tables = cloud.store.state.hetzner
    if tables.servers[actions.subject(action, "server")].made:
        cloud.hypervisor.join_lan(actions.subject(action, "server"), nic(tables, action.detail["net"]))


@routes.on("POST", "/servers/<int:id>/actions/detach_from_network")
def detach_from_network(call: Call, id: int) -> Answer:
    """Take a server out of a network."""
    (wanted,) = call.need("network")
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        if not any(net["network"] == wanted for net in server.private_net):
            raise ApiError("not_found", "server is not attached to the network")
        action = actions.begin(tables, "detach_from_network", ("server", id), ("network", int(wanted)))
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("detach_from_network")
def detach(cloud: Cloud, action: Action) -> None:
    """Unplug the machine."""
    server = cloud.store.state.hetzner.servers[actions.subject(action, "server")]
    network = actions.subject(action, "network")
    if server.made:
        cloud.hypervisor.leave_lan(server.id, network)
    with cloud.store.change():
        server.private_net = [net for net in server.private_net if net["network"] != network]


@routes.on("POST", "/servers/<int:id>/actions/change_alias_ips")
def change_alias_ips(call: Call, id: int) -> Answer:
    """Give a server further addresses in a network, which it configures itself."""
    (wanted,) = call.need("network")
    with call.change() as tables:
        server, network = find(tables.servers, "server", id), find(tables.networks, "network", wanted)
        mine = [net for net in server.private_net if net["network"] == network.id]
        if not mine:
            raise ApiError("not_found", "server is not attached to the network")
        before, mine[0]["alias_ips"] = mine[0]["alias_ips"], []
        try:
            after = _aliases(tables, network, call.body)
            action = actions.instantly(tables, "change_alias_ips", ("server", id), ("network", network.id))
            before = after
        finally:
            mine[0]["alias_ips"] = before
        return actions.answer(action)
