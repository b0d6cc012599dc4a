"""Reserved IPs: addresses that move between running droplets."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address

from rehearsal.cloud import pools
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import actions, catalog, droplets, projects
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_built, not_found, unprocessable
from rehearsal.cloud.rows import Action, Droplet, Json, ReservedIp
from rehearsal.cloud.store import State

routes = Routes()


def _find(state: State, address: str) -> ReservedIp:
    if address not in state.reserved_ips:
        raise not_found()
    return state.reserved_ips[address]


def _free(state: State, address: str) -> ReservedIp:
    ip = _find(state, address)
    if ip.locked:
        raise unprocessable("The reserved IP already has a pending event.")
    return ip


def _render(state: State, ip: ReservedIp) -> Json:
    holder = state.droplets.get(ip.droplet_id or 0)
    return {
        "ip": ip.ip,
        "region": catalog.render_region(ip.region),
        "droplet": droplets.render(state, holder) if holder else None,
        "locked": ip.locked,
        "project_id": ip.project_id,
    }


@routes.on("GET", "/reserved_ips")
def list_addresses(call: Call) -> Answer:
    """List reserved IPs."""
    with call.read() as state:
        return call.page("reserved_ips", (_render(state, ip) for ip in state.reserved_ips.values()))


@routes.on("POST", "/reserved_ips")
def reserve(call: Call) -> Answer:
    """Reserve an IP for a region, or at once for a droplet."""
    with call.change() as state:
        holder = droplets.find(state, int(call.body["droplet_id"])) if call.body.get("droplet_id") else None
        ip = _take(state, call, holder)
        action = _begin(state, ip, "assign_ip", holder.id) if holder else None
        answer = _render(state, ip)
    if not holder or not action:
        return 202, {"reserved_ip": answer, "links": {}}
    call.cloud.start(f"assign {ip.ip}", partial(move, call.cloud, ip, action))
    about = {"id": holder.id, "rel": "droplet", "href": f"{call.url.partition('/v2/')[0]}/v2/droplets/{holder.id}"}
    links = {"droplets": [about], "actions": [actions.link(call, action, "assign_ip")]}
    return 202, {"reserved_ip": answer, "links": links}


def _take(state: State, call: Call, holder: Droplet | None) -> ReservedIp:
    region = holder.region if holder else call.body.get("region")
    if region not in catalog.REGIONS:
        raise unprocessable("You must specify a valid region or droplet_id")
    address = pools.take_reserved(state)
    if address is None:
        raise unprocessable("reserved IP limit reached")
    project = call.body.get("project_id") or projects.default(state).id
    ip = ReservedIp(ip=address, region=region, project_id=project)
    state.reserved_ips[ip.ip] = ip
    return ip


@routes.on("GET", "/reserved_ips/<address>")
def read_address(call: Call, address: str) -> Answer:
    """Show a reserved IP."""
    with call.read() as state:
        return 200, {"reserved_ip": _render(state, _find(state, address))}


@routes.on("DELETE", "/reserved_ips/<address>")
def release(call: Call, address: str) -> Answer:
    """Give a reserved IP back."""
    with call.change() as state:
        ip = _free(state, address)
        del state.reserved_ips[address]
        state.filed.pop(f"do:reservedip:{address}", None)
    if ip.droplet_id is not None:
        call.cloud.hypervisor.assign_address(address, None)
    return DONE


@routes.on("GET", "/reserved_ips/<address>/actions")
def list_address_actions(call: Call, address: str) -> Answer:
    """List what was asked of a reserved IP, newest first."""
    with call.read() as state:
        ip = _find(state, address)
        return call.page("actions", (_render_action(ip, action) for action in reversed(_actions(state, address))))


def _render_action(ip: ReservedIp, action: Action) -> Json:
    return {**actions.render(action), "project_id": ip.project_id}


def _actions(state: State, address: str) -> list[Action]:
    number = int(IPv4Address(address))
    return [a for a in state.actions.values() if (a.resource_type, a.resource_id) == ("reserved_ip", number)]


@routes.on("GET", "/reserved_ips/<address>/actions/<int:id>")
def read_address_action(call: Call, address: str, id: int) -> Answer:
    """Show one action of a reserved IP."""
    with call.read() as state:
        ip = _find(state, address)
        found = next((action for action in _actions(state, address) if action.id == id), None)
        if found is None:
            raise not_found()
        return 200, {"action": _render_action(ip, found)}


@routes.on("POST", "/reserved_ips/<address>/actions")
def act(call: Call, address: str) -> Answer:
    """Assign a reserved IP to a droplet, also away from another one, or to nobody."""
    (type,) = call.need("type")
    if type not in ("assign", "unassign"):
        raise not_built(f"reserved IP action {type}")
    with call.change() as state:
        ip = _free(state, address)
        target = _target(state, ip, int(call.need("droplet_id")[0])) if type == "assign" else None
        if target is None and ip.droplet_id is None:
            raise unprocessable("The reserved IP is not assigned to a droplet.")
        action = _begin(state, ip, f"{type}_ip", target)
        answer = _render_action(ip, action)
    call.cloud.start(f"{type} {address}", partial(move, call.cloud, ip, action))
    return 201, {"action": answer}


def _target(state: State, ip: ReservedIp, id: int) -> int:
    droplet = droplets.find(state, id)
    if droplet.region != ip.region:
        raise unprocessable("The reserved IP and the droplet must be in the same region.")
    if droplet.status == "new" or droplet.doomed:
        raise unprocessable("Droplet already has a pending event.")
    return id


def _begin(state: State, ip: ReservedIp, type: str, target: int | None) -> Action:
    ip.locked = True
    return actions.begin(
        state,
        type,
        resource=int(IPv4Address(ip.ip)),
        kind="reserved_ip",
        region=ip.region,
        detail={"droplet": target},
    )


def move(cloud: Cloud, ip: ReservedIp, action: Action) -> None:
    """Route an address to where its action says."""
    target: int | None = action.detail["droplet"]
    failed = True
    try:
        cloud.hypervisor.assign_address(ip.ip, target)
        failed = False
    finally:
        with cloud.store.change():
            ip.droplet_id = ip.droplet_id if failed else target
            ip.locked = False
            actions.end(action, failed=failed)
