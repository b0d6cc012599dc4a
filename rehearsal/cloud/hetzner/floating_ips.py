"""Floating IPs: addresses that move between running servers, which carry them themselves."""

from __future__ import annotations

from rehearsal.cloud import pools
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, catalog, labels, paging, primary_ips, reverse
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid, protected
from rehearsal.cloud.hetzner.resources import change_protection, check_name, common, find, update
from rehearsal.cloud.hetzner.rows import Action, FloatingIp, Server, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import State, now

routes = Routes()
KIND = "floating IP"


def render(ip: FloatingIp) -> Json:
    """Give the API's object of an address."""
    return {
        **common(ip),
        "description": ip.description,
        "ip": ip.ip,
        "type": ip.type,
        "server": ip.server,
        "dns_ptr": reverse.names(ip),
        "home_location": catalog.LOCATIONS[ip.home_location].render(),
        "blocked": False,
        "protection": {"delete": ip.delete_protected},
    }


@routes.on("GET", "/floating_ips")
def list_ips(call: Call) -> Answer:
    """List addresses."""
    with call.read() as tables:
        return paging.listing(call, "floating_ips", tables.floating_ips.values(), render)


@routes.on("POST", "/floating_ips")
def create_ip(call: Call) -> Answer:
    """Take an address, for a location or at once for a server."""
    (type,) = call.need("type")
    with call.change() as tables:
        ip = _take(call.cloud.store.state, call.body, type)
        server = call.body.get("server")
        action = _begin(tables, ip, server) if server else None
        answer: Json = {"floating_ip": render(ip)}
    if action:
        actions.start(call.cloud, action)
        answer["action"] = actions.render(action)
    return 201, answer


def _take(state: State, body: Json, type: str) -> FloatingIp:
    tables = state.hetzner
    if type not in ("ipv4", "ipv6"):
        raise invalid("type", "must be ipv4 or ipv6")
    if body.get("name"):
        check_name(tables.floating_ips, KIND, body["name"])
    server = _holder(tables, body["server"]) if body.get("server") else None
    place = server.location if server else catalog.location(body.get("home_location"), field="home_location").name
    wanted = labels.check(body.get("labels"))
    id = tables.next_id("floating_ip")
    address = pools.take_reserved(state) if type == "ipv4" else f"2001:db8:1:{id & 0xFFFF:x}::/64"
    if address is None:
        raise ApiError("resource_limit_exceeded", "floating IP limit exceeded")
    name, description = body.get("name") or f"floating-ip-{id}", body.get("description") or ""
    ip = FloatingIp(
        id=id,
        name=name,
        created=now(),
        labels=wanted,
        type=type,
        ip=address,
        home_location=place,
        description=description,
    )
    tables.floating_ips[id] = ip
    return ip


def _holder(tables: Tables, id: object) -> Server:
    """Find a server that an address can go to; one to which something happens cannot be asked now."""
    server: Server = find(tables.servers, "server", id)
    actions.free(tables, "server", server.id)
    _check_public(tables, server)
    return server


def _check_public(tables: Tables, server: Server) -> None:
    if not primary_ips.of(tables, server.id, "ipv4"):
        raise invalid("server", "the server has no public network")


def _begin(tables: Tables, ip: FloatingIp, server: int | None) -> Action:
    detail = {"server": server}
    if server is None:
        return actions.begin(tables, "unassign_floating_ip", ("floating_ip", ip.id), detail=detail)
    return actions.begin(tables, "assign_floating_ip", ("floating_ip", ip.id), ("server", server), detail=detail)


@routes.on("GET", "/floating_ips/<int:id>")
def read_ip(call: Call, id: int) -> Answer:
    """Show an address."""
    with call.read() as tables:
        return 200, {"floating_ip": render(find(tables.floating_ips, KIND, id))}


@routes.on("PUT", "/floating_ips/<int:id>")
def change_ip(call: Call, id: int) -> Answer:
    """Rename, describe or label an address."""
    with call.change() as tables:
        ip = find(tables.floating_ips, KIND, id)
        update(tables.floating_ips, KIND, ip, call.body)
        if call.body.get("description") is not None:
            ip.description = str(call.body["description"])
        return 200, {"floating_ip": render(ip)}


@routes.on("DELETE", "/floating_ips/<int:id>")
def delete_ip(call: Call, id: int) -> Answer:
    """Give an address back, assigned or not."""
    with call.change() as tables:
        ip = find(tables.floating_ips, KIND, id)
        if ip.delete_protected:
            raise protected(KIND)
        actions.free(tables, "floating_ip", id)
        del tables.floating_ips[id]
    if ip.server is not None and ip.type == "ipv4":
        call.cloud.hypervisor.assign_address(ip.ip, None)
    return DONE


@routes.on("POST", "/floating_ips/<int:id>/actions/assign")
def assign(call: Call, id: int) -> Answer:
    """Give an address to a server, also away from another one."""
    (wanted,) = call.need("server")
    with call.change() as tables:
        ip, server = find(tables.floating_ips, KIND, id), find(tables.servers, "server", wanted)
        zones = {catalog.LOCATIONS[place].network_zone for place in (ip.home_location, server.location)}
        if len(zones) > 1:
            raise invalid("server", "must be in the network zone of the floating IP")
        _check_public(tables, server)
        action = _begin(tables, ip, server.id)
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@routes.on("POST", "/floating_ips/<int:id>/actions/unassign")
def unassign(call: Call, id: int) -> Answer:
    """Take an address from its server."""
    with call.change() as tables:
        ip = find(tables.floating_ips, KIND, id)
        if ip.server is None:
            raise ApiError("floating_ip_not_assigned", "floating IP is not assigned to a server")
        action = _begin(tables, ip, None)
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("assign_floating_ip", "unassign_floating_ip")
def move(cloud: Cloud, action: Action) -> None:
    """Route an address to where its action says; a server without a machine yet gets it at its birth."""
    tables = cloud.store.state.hetzner
    ip, server = tables.floating_ips[actions.subject(action, "floating_ip")], action.detail["server"]
    route(cloud, ip, server)
    with cloud.store.change():
        ip.server = server


def routed(tables: Tables) -> list[tuple[str, int]]:
    """List the addresses that go to a machine, and to which."""
    made = {server.id for server in tables.servers.values() if server.made}
    held = [ip for ip in tables.floating_ips.values() if ip.type == "ipv4" and ip.server in made]
    return [(ip.ip, ip.server) for ip in held if ip.server and not actions.running(tables, "floating_ip", ip.id)]


def route(cloud: Cloud, ip: FloatingIp, server: int | None) -> None:
    """Let packets to an address go to a server that has a machine, or to nobody."""
    row = cloud.store.state.hetzner.servers.get(server or 0)
    if ip.type == "ipv4":
        cloud.hypervisor.assign_address(ip.ip, row.id if row and row.made else None)


@routes.on("POST", "/floating_ips/<int:id>/actions/change_dns_ptr")
def change_dns_ptr(call: Call, id: int) -> Answer:
    """Name an address."""
    return reverse.change(call, "floating_ip", id, lambda tables, _: find(tables.floating_ips, KIND, id))


@routes.on("POST", "/floating_ips/<int:id>/actions/change_protection")
def protect(call: Call, id: int) -> Answer:
    """Allow or forbid to give an address back."""
    return change_protection(call, "floating_ip", lambda tables: find(tables.floating_ips, KIND, id))
