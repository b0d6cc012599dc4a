"""Primary IPs: the addresses servers are born with; they change hands only while the server is off."""

from __future__ import annotations

from rehearsal.cloud import pools
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, catalog, labels, paging, reverse
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid, protected
from rehearsal.cloud.hetzner.resources import change_protection, check_name, common, find, update
from rehearsal.cloud.hetzner.rows import Action, PrimaryIp, Server, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import State, now

routes = Routes()
KIND = "primary IP"


def render(ip: PrimaryIp) -> Json:
    """Give the API's object of an address."""
    return {
        **common(ip),
        "ip": ip.ip,
        "type": ip.type,
        "assignee_id": ip.assignee_id,
        "assignee_type": "server",
        "auto_delete": ip.auto_delete,
        "blocked": False,
        "dns_ptr": reverse.names(ip),
        "location": catalog.LOCATIONS[ip.location].render(),
        "protection": {"delete": ip.delete_protected},
    }


def take(state: State, *, name: str, type: str, location: str, auto_delete: bool) -> PrimaryIp:
    """Give an address out."""
    tables = state.hetzner
    id = tables.next_id("primary_ip")
    address = pools.take_public(state) if type == "ipv4" else f"2001:db8:0:{id & 0xFFFF:x}::/64"
    if address is None:
        raise ApiError("resource_limit_exceeded", "primary IP limit exceeded")
    ip = PrimaryIp(id=id, name=name, created=now(), type=type, ip=address, location=location, auto_delete=auto_delete)
    tables.primary_ips[id] = ip
    return ip


def of(tables: Tables, server: int, type: str) -> PrimaryIp | None:
    """Find a server's address."""
    found = (ip for ip in tables.primary_ips.values() if ip.assignee_id == server and ip.type == type)
    return next(found, None)


def check_free(tables: Tables, server: Server, ip: PrimaryIp) -> None:
    """Refuse an address that is another's, elsewhere, or of a kind the server has."""
    if ip.assignee_id is not None:
        raise ApiError("primary_ip_already_assigned", "primary IP is already assigned to a server")
    if ip.location != server.location:
        raise ApiError("primary_ip_datacenter_mismatch", "primary IP is in a different location")
    if of(tables, server.id, ip.type):
        raise ApiError(f"server_has_{ip.type}", f"the server already has an {ip.type} address")


@routes.on("GET", "/primary_ips")
def list_ips(call: Call) -> Answer:
    """List addresses."""
    address = call.query.get("ip")
    with call.read() as tables:
        found = [ip for ip in tables.primary_ips.values() if address in (None, ip.ip)]
        return paging.listing(call, "primary_ips", found, render)


@routes.on("POST", "/primary_ips")
def create_ip(call: Call) -> Answer:
    """Take an address, for a location or at once for a server that is off."""
    name, type = call.need("name", "type")
    if type not in ("ipv4", "ipv6"):
        raise invalid("type", "must be ipv4 or ipv6")
    with call.change() as tables:
        check_name(tables.primary_ips, KIND, name)
        wanted = labels.check(call.body.get("labels"))
        server = _off(tables, call.body["assignee_id"]) if call.body.get("assignee_id") else None
        place = server.location if server else catalog.location(call.body.get("location")).name
        if server and of(tables, server.id, type):
            raise ApiError(f"server_has_{type}", f"the server already has an {type} address")
        auto_delete = bool(call.body.get("auto_delete"))
        ip = take(call.cloud.store.state, name=name, type=type, location=place, auto_delete=auto_delete)
        ip.labels = wanted
        action = _begin(tables, ip, server) if server else None
        answer: Json = {"primary_ip": render(ip)}
    if action:
        actions.start(call.cloud, action)
        answer["action"] = actions.render(action)
    return 201, answer


def _off(tables: Tables, id: object) -> Server:
    server: Server = find(tables.servers, "server", id)
    if server.status != "off":
        raise ApiError("server_not_stopped", "server is not stopped")
    actions.free(tables, "server", server.id)
    return server


def _begin(tables: Tables, ip: PrimaryIp, server: Server | None) -> Action:
    """Note that an address goes to a server, or away from the one that has it."""
    command = "assign_primary_ip" if server else "unassign_primary_ip"
    holder = server.id if server else ip.assignee_id
    assert holder is not None
    return actions.begin(tables, command, ("primary_ip", ip.id), ("server", holder))


@routes.on("GET", "/primary_ips/<int:id>")
def read_ip(call: Call, id: int) -> Answer:
    """Show an address."""
    with call.read() as tables:
        return 200, {"primary_ip": render(find(tables.primary_ips, KIND, id))}


@routes.on("PUT", "/primary_ips/<int:id>")
def change_ip(call: Call, id: int) -> Answer:
    """Rename or label an address, or let it go with its server."""
    with call.change() as tables:
        ip = find(tables.primary_ips, KIND, id)
        update(tables.primary_ips, KIND, ip, call.body)
        if call.body.get("auto_delete") is not None:
            ip.auto_delete = bool(call.body["auto_delete"])
        return 200, {"primary_ip": render(ip)}


@routes.on("DELETE", "/primary_ips/<int:id>")
def delete_ip(call: Call, id: int) -> Answer:
    """Give an address back; a server that has it must be off."""
    with call.change() as tables:
        ip = find(tables.primary_ips, KIND, id)
        if ip.delete_protected:
            raise protected(KIND)
        actions.free(tables, "primary_ip", id)
        server = _off(tables, ip.assignee_id) if ip.assignee_id else None
        del tables.primary_ips[id]
    if server and server.made and ip.type == "ipv4":
        call.cloud.hypervisor.set_public_address(server.id, None)
    return DONE


@routes.on("POST", "/primary_ips/<int:id>/actions/assign")
def assign(call: Call, id: int) -> Answer:
    """Give an address to a server that is off and has none."""
    (assignee,) = call.need("assignee_id")
    with call.change() as tables:
        ip, server = find(tables.primary_ips, KIND, id), _off(tables, assignee)
        check_free(tables, server, ip)
        action = _begin(tables, ip, server)
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@routes.on("POST", "/primary_ips/<int:id>/actions/unassign")
def unassign(call: Call, id: int) -> Answer:
    """Take an address from its server, which must be off."""
    with call.change() as tables:
        ip = find(tables.primary_ips, KIND, id)
        if ip.assignee_id is None:
            raise ApiError("primary_ip_not_assigned", "primary IP is not assigned to a server")
        _off(tables, ip.assignee_id)
        action = _begin(tables, ip, None)
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("assign_primary_ip", "unassign_primary_ip")
def move(cloud: Cloud, action: Action) -> None:
    """Let a server have an address, or none."""
    server = cloud.store.state.hetzner.servers[actions.subject(action, "server")]
    ip = cloud.store.state.hetzner.primary_ips[actions.subject(action, "primary_ip")]
    given = action.command == "assign_primary_ip"
    if server.made and ip.type == "ipv4":
        cloud.hypervisor.set_public_address(server.id, ip.ip if given else None)
    with cloud.store.change():
        ip.assignee_id = server.id if given else None


@routes.on("POST", "/primary_ips/<int:id>/actions/change_dns_ptr")
def change_dns_ptr(call: Call, id: int) -> Answer:
    """Name an address."""
    return reverse.change(call, "primary_ip", id, lambda tables, _: find(tables.primary_ips, KIND, id))


@routes.on("POST", "/primary_ips/<int:id>/actions/change_protection")
def protect(call: Call, id: int) -> Answer:
    """Allow or forbid to give an address back."""
    return change_protection(call, "primary_ip", lambda tables: find(tables.primary_ips, KIND, id))
