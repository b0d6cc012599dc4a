"""Private networks and their subnets; each is a network of its own, whatever addresses others have."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any

from rehearsal.cloud.hetzner import actions, labels, paging
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.catalog import NETWORK_ZONES
from rehearsal.cloud.hetzner.errors import ApiError, in_use, invalid, not_built, protected
from rehearsal.cloud.hetzner.resources import change_protection, check_name, common, find, update
from rehearsal.cloud.hetzner.rows import Network, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def render(tables: Tables, network: Network) -> Json:
    """Give the API's object of a network."""
    return {
        **common(network),
        "ip_range": network.ip_range,
        "subnets": network.subnets,
        "routes": network.routes,
        "servers": members(tables, network.id),
        "load_balancers": [],
        "protection": {"delete": network.delete_protected},
        "expose_routes_to_vswitch": network.expose_routes_to_vswitch,
    }


def members(tables: Tables, id: int) -> list[int]:
    """List the servers in a network."""
    return [s.id for s in tables.servers.values() if any(net["network"] == id for net in s.private_net)]


@routes.on("GET", "/networks")
def list_networks(call: Call) -> Answer:
    """List networks."""
    with call.read() as tables:
        return paging.listing(call, "networks", tables.networks.values(), lambda row: render(tables, row))


@routes.on("POST", "/networks")
def create_network(call: Call) -> Answer:
    """Make a network, with subnets or without."""
    name, ip_range = call.need("name", "ip_range")
    with call.change() as tables:
        network = Network(
            id=tables.next_id("network"),
            name=check_name(tables.networks, "network", name),
            created=now(),
            labels=labels.check(call.body.get("labels")),
            ip_range=str(_range(ip_range, within=PRIVATE)),
            expose_routes_to_vswitch=bool(call.body.get("expose_routes_to_vswitch")),
        )
        for wanted in call.body.get("subnets") or ():
            network.subnets.append(_subnet(network, wanted))
        for wanted in call.body.get("routes") or ():
            network.routes.append(_route(network, wanted))
        tables.networks[network.id] = network
    call.cloud.hypervisor.create_lan(network.id)
    with call.read() as tables:
        return 201, {"network": render(tables, network)}


def _range(text: Any, *, within: Iterable[IPv4Network]) -> IPv4Network:
    try:
        found = IPv4Network(text)
    except ValueError:
        raise invalid("ip_range", "must be in CIDR notation, e.g. 10.0.0.0/8") from None
    if not any(found.subnet_of(outer) for outer in within):
        raise invalid("ip_range", "must be a private IPv4 range that lies in the network")
    return found


def _subnet(network: Network, wanted: Json) -> Json:
    if wanted.get("type") not in ("cloud", "server"):
        raise not_built(f"subnets of type {wanted.get('type')}")
    if wanted.get("network_zone") not in NETWORK_ZONES:
        raise invalid("network_zone", f"must be one of {', '.join(NETWORK_ZONES)}")
    whole = IPv4Network(network.ip_range)
    ip_range = _range(wanted["ip_range"], within=[whole]) if wanted.get("ip_range") else _free_range(network)
    if any(ip_range.overlaps(IPv4Network(other["ip_range"])) for other in network.subnets):
        raise invalid("ip_range", "overlaps with another subnet of the network")
    about = {"type": wanted["type"], "ip_range": str(ip_range), "network_zone": wanted["network_zone"]}
    return {**about, "gateway": str(whole[1]), "vswitch_id": None}


def _free_range(network: Network) -> IPv4Network:
    whole = IPv4Network(network.ip_range)
    taken = [IPv4Network(other["ip_range"]) for other in network.subnets]
    free = (each for each in whole.subnets(new_prefix=max(24, whole.prefixlen)) if not any(map(each.overlaps, taken)))
    found = next(free, None)
    if found is None:
        raise ApiError("no_subnet_available", "no free range left in the network")
    return found


def _route(network: Network, wanted: Json) -> Json:
    try:
        found = {"destination": str(IPv4Network(wanted["destination"])), "gateway": wanted["gateway"]}
    except (KeyError, ValueError):
        raise invalid("destination", "must be in CIDR notation") from None
    if found in network.routes:
        raise invalid("destination", "route is already there")
    return found


@routes.on("GET", "/networks/<int:id>")
def read_network(call: Call, id: int) -> Answer:
    """Show a network."""
    with call.read() as tables:
        return 200, {"network": render(tables, find(tables.networks, "network", id))}


@routes.on("PUT", "/networks/<int:id>")
def change_network(call: Call, id: int) -> Answer:
    """Rename or label a network."""
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        update(tables.networks, "network", network, call.body)
        if call.body.get("expose_routes_to_vswitch") is not None:
            network.expose_routes_to_vswitch = bool(call.body["expose_routes_to_vswitch"])
        return 200, {"network": render(tables, network)}


@routes.on("DELETE", "/networks/<int:id>")
def delete_network(call: Call, id: int) -> Answer:
    """Delete a network; servers in it are unplugged."""
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        if network.delete_protected:
            raise protected("network")
        inside = members(tables, id)
        for server in inside:
            actions.free(tables, "server", server)
        for server in inside:
            row = tables.servers[server]
            row.private_net = [net for net in row.private_net if net["network"] != id]
        del tables.networks[id]
        made = [server for server in inside if tables.servers[server].made]
    for server in made:
        call.cloud.hypervisor.leave_lan(server, id)
    call.cloud.hypervisor.destroy_lan(id)
    return DONE


@routes.on("POST", "/networks/<int:id>/actions/add_subnet")
def add_subnet(call: Call, id: int) -> Answer:
    """Add a subnet."""
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        network.subnets.append(_subnet(network, call.body))
        return actions.answer(actions.instantly(tables, "add_subnet", ("network", id)))


@routes.on("POST", "/networks/<int:id>/actions/delete_subnet")
def delete_subnet(call: Call, id: int) -> Answer:
    """Remove a subnet that nobody has an address in."""
    (ip_range,) = call.need("ip_range")
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        gone = [each for each in network.subnets if each["ip_range"] == ip_range]
        if not gone:
            raise ApiError("not_found", f"subnet {ip_range} not found")
        taken = {net["ip"] for s in tables.servers.values() for net in s.private_net if net["network"] == id}
        if taken & set(map(str, IPv4Network(ip_range))):
            raise in_use("subnet")
        network.subnets.remove(gone[0])
        return actions.answer(actions.instantly(tables, "delete_subnet", ("network", id)))


@routes.on("POST", "/networks/<int:id>/actions/add_route")
def add_route(call: Call, id: int) -> Answer:
    """Note a route; the rehearsal's networks do not route."""
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        network.routes.append(_route(network, call.body))
        return actions.answer(actions.instantly(tables, "add_route", ("network", id)))


@routes.on("POST", "/networks/<int:id>/actions/delete_route")
def delete_route(call: Call, id: int) -> Answer:
    """Forget a route."""
    with call.change() as tables:
        network = find(tables.networks, "network", id)
        gone = {"destination": call.body.get("destination"), "gateway": call.body.get("gateway")}
        if gone not in network.routes:
            raise ApiError("not_found", "route not found")
        network.routes.remove(gone)
        return actions.answer(actions.instantly(tables, "delete_route", ("network", id)))


@routes.on("POST", "/networks/<int:id>/actions/change_protection")
def protect_network(call: Call, id: int) -> Answer:
    """Allow or forbid the deletion of a network."""
    return change_protection(call, "network", lambda tables: find(tables.networks, "network", id))
