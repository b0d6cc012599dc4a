"""Orders of servers: checked in full, then taken."""

from __future__ import annotations

import re

from rehearsal.cloud.hetzner import actions, catalog, labels, memberships, primary_ips, servers, ssh_keys
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid, not_built
from rehearsal.cloud.hetzner.resources import check_name, find
from rehearsal.cloud.hetzner.rows import PrimaryIp, Server, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import State, now

routes = Routes()
NAME = re.compile(
    r"(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
USER_DATA_LIMIT = 32 * 1024
DEFAULT_LOCATION = "fsn1"
MOST_SERVERS = 25


@routes.on("POST", "/servers")
def create_server(call: Call) -> Answer:
    """Order a server."""
    call.need("name", "server_type", "image")
    with call.change() as tables:
        _check(tables, call.body)
        server = _order(call.cloud.store.state, call.body)
        begun = [actions.begin(tables, "create_server", ("server", server.id))]
        if call.body.get("start_after_create", True):
            begun.append(actions.follow(tables, "start_server", ("server", server.id)))
        shown, keys = servers.render(tables, server), bool(server.keys)
        answer: Json = {"server": shown, "action": actions.render(begun[0])}
        answer["next_actions"] = [actions.render(action) for action in begun[1:]]
        answer["root_password"] = None if keys else "not-given-out-here"
    actions.start(call.cloud, *begun)
    return 201, answer


def _check(tables: Tables, body: Json) -> None:
    """Refuse what cannot be filled; nothing has been changed yet."""
    check_name(tables.servers, "server", body["name"])
    if not NAME.fullmatch(body["name"]):
        raise invalid("name", "must be a valid hostname")
    if len(tables.servers) >= MOST_SERVERS:
        raise ApiError("resource_limit_exceeded", "server limit exceeded")
    size, place = catalog.server_type(body["server_type"]), _location(body)
    if place not in size.sold_in:
        raise invalid("server_type", f"unsupported location for server type: {size.name} is not sold in {place}")
    image = catalog.image(body["image"], architecture=size.architecture)
    if image.architecture != size.architecture:
        raise invalid("image", "image and server type have different architectures")
    if (image.name, image.architecture) != (catalog.BOOTABLE, "x86"):
        raise not_built(f"booting {image.name} on {image.architecture} (only {catalog.BOOTABLE} on x86)")
    if len(str(body.get("user_data") or "").encode()) > USER_DATA_LIMIT:
        raise invalid("user_data", f"must be {USER_DATA_LIMIT} bytes at most")
    labels.check(body.get("labels"))
    _check_others(tables, body, place)


def _location(body: Json) -> str:
    if body.get("datacenter"):
        raise ApiError("deprecated_api_endpoint", "datacenter is no longer supported, use location")
    return catalog.location(body.get("location") or DEFAULT_LOCATION).name


def _check_others(tables: Tables, body: Json, place: str) -> None:
    for wanted in body.get("ssh_keys") or ():
        ssh_keys.named(tables, wanted)
    for row in body.get("firewalls") or ():
        find(tables.firewalls, "firewall", row.get("firewall"))
    if body.get("placement_group"):
        find(tables.placement_groups, "placement group", body["placement_group"])
    if body.get("volumes"):
        raise not_built("servers ordered with volumes (attach them)")
    for wanted in body.get("networks") or ():
        memberships.check(tables, find(tables.networks, "network", wanted), place)
    public = body.get("public_net") or {}
    for type in ("ipv4", "ipv6"):
        if public.get(type):
            _check_address(find(tables.primary_ips, "primary IP", public[type]), type, place)
    reachable = body.get("networks") or any(public.get(f"enable_{type}", True) for type in ("ipv4", "ipv6"))
    if not reachable and body.get("start_after_create", True):
        raise invalid("public_net", "a server without a public network needs a private one to start")


def _check_address(ip: PrimaryIp, type: str, place: str) -> None:
    if ip.type != type:
        raise ApiError("primary_ip_version_mismatch", "primary IP has the wrong IP version")
    if ip.assignee_id is not None:
        raise ApiError("primary_ip_assigned", "primary IP is already assigned to a server")
    if ip.location != place:
        raise ApiError("primary_ip_datacenter_mismatch", "primary IP is in a different location")


def _order(state: State, body: Json) -> Server:
    tables, size = state.hetzner, catalog.server_type(body["server_type"])
    keys = [ssh_keys.named(tables, wanted).public_key for wanted in body.get("ssh_keys") or ()]
    server = Server(
        id=tables.next_id("server"),
        name=body["name"],
        created=now(),
        labels=labels.check(body.get("labels")),
        server_type=size.name,
        location=_location(body),
        image=catalog.image(body["image"], architecture=size.architecture).id,
        user_data=body.get("user_data") or "",
        keys=keys,
        placement_group=body.get("placement_group"),
        primary_disk_size=size.disk,
    )
    _give_addresses(state, server, body.get("public_net") or {})
    tables.servers[server.id] = server
    for row in body.get("firewalls") or ():
        tables.firewalls[row["firewall"]].servers.append(server.id)
    for wanted in body.get("networks") or ():
        memberships.add(tables, server, tables.networks[wanted], {})
    return server


def _give_addresses(state: State, server: Server, public: Json) -> None:
    for type in ("ipv4", "ipv6"):
        if public.get(type):
            state.hetzner.primary_ips[public[type]].assignee_id = server.id
        elif public.get(f"enable_{type}", True):
            name = f"primary_ip-{state.hetzner.ids['primary_ip']}"
            ip = primary_ips.take(state, name=name, type=type, location=server.location, auto_delete=True)
            ip.assignee_id = server.id
