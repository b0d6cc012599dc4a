"""Networks, their subnets, and servers' places in them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import act, changed, exists_as, given, protect, put_changed, retried, said
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_WRITTEN = {"name": "name", "labels": "labels", "exposeRoutesToVswitch": "expose_routes_to_vswitch"}
_BUSY = ("conflict", "locked", "service_error")
_STILL_USED = ("servers are attached", "network has attached resources")
_SUBNET_TRIES = 50


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    body = given(asked, _WRITTEN) | {"ip_range": str(ip_network(asked["ipRange"], strict=False))}
    id = str(call.session.post("/networks", body)["network"]["id"])
    with exists_as(id):
        if asked["deleteProtection"]:
            protect(call, f"/networks/{id}", delete=True)
        return id, _facts(call.session.known("/networks", "network", id))


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    network = call.session.known("/networks", "network", id)
    return (id, _facts(network)) if network else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/networks/{segment(id)}"
    put_changed(call, path, state, asked, _WRITTEN)
    if changed(state, asked, "deleteProtection"):
        protect(call, path, delete=asked["deleteProtection"])
    return _facts(call.session.get(path)["network"])


def _delete(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/networks/{segment(id)}")


def _facts(network: Values) -> Values:
    return {
        "name": network["name"],
        "ipRange": network["ip_range"],
        "labels": network.get("labels") or {},
        "deleteProtection": network["protection"]["delete"],
        "exposeRoutesToVswitch": bool(network.get("expose_routes_to_vswitch")),
    }


def _create_subnet(call: Call, asked: Values) -> tuple[str, Values]:
    network, range = asked["networkId"], str(ip_network(asked["ipRange"], strict=False))
    body = given(asked, {"type": "type", "networkZone": "network_zone"}) | {"ip_range": range}
    if asked["type"] == "vswitch":
        body["vswitch_id"] = asked.get("vswitchId")
    retried(
        call,
        lambda: act(call, f"/networks/{network}", "add_subnet", body),
        when=said("conflict", "vswitch_id_already_used"),
    )
    id = f"{network}-{range}"
    with exists_as(id):
        return id, _subnet(call, id) or {}


def _read_subnet(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _subnet(call, id)
    return (id, facts) if facts else None


def _settle_subnet(call: Call, id: str, state: Values, asked: Values) -> Values:
    """Nothing of it changes in place; this only goes on with one whose birth failed half-way."""
    return _subnet(call, id) or {}


def _delete_subnet(call: Call, id: str, state: Values) -> None:
    network, range = subnet_parts(id)
    try:
        retried(
            call,
            lambda: act(call, f"/networks/{network}", "delete_subnet", {"ip_range": range}),
            when=lambda error: error.code in ("conflict", "locked") or _still_used(error),
            tries=_SUBNET_TRIES,
        )
    except ApiError as error:
        if error.code != "not_found" and not _still_used(error):  # the network's own end takes the subnet along
            raise


def subnet_parts(id: str) -> tuple[int, str]:
    """The network and the range in a subnet's id."""
    network, _, range = id.partition("-")
    if not network.isdigit() or not range:
        raise Refused(f"unexpected subnet id {id!r}, expected '$NETWORK_ID-$SUBNET_IP_RANGE'")
    return int(network), range


def _subnet(call: Call, id: str) -> Values | None:
    network, range = subnet_parts(id)
    found = call.session.one("/networks", "network", network)
    subnets = [subnet for subnet in (found or {}).get("subnets", ()) if subnet["ip_range"] == range]
    if not subnets:
        return None
    facts = {"networkId": network, "networkZone": subnets[0]["network_zone"], "ipRange": range}
    own = {"type": subnets[0]["type"], "gateway": subnets[0]["gateway"]}
    return {**facts, **own, **({"vswitchId": subnets[0].get("vswitch_id")} if own["type"] == "vswitch" else {})}


def _still_used(error: ApiError) -> bool:
    return error.code == "service_error" and any(text in str(error) for text in _STILL_USED)


def attach(call: Call, server: Any, place: Values) -> int:
    """Bring a server into a network, or into one of its subnets; the network's number."""
    network, range = subnet_parts(place["subnetId"]) if place.get("subnetId") else (int(place["networkId"]), None)
    wanted = {**place, "network": network, "range": range}
    body = given(wanted, {"network": "network", "range": "ip_range", "ip": "ip", "aliasIps": "alias_ips"})
    try:
        retried(
            call,
            lambda: act(call, f"/servers/{server}", "attach_to_network", body),
            when=said(*_BUSY, "no_subnet_available"),
        )
    except ApiError as error:
        if error.code != "server_already_attached":
            raise
    return network


def detach(call: Call, server: Any, network: Any) -> None:
    """Take a server out of a network; one that is out already is fine."""
    try:
        retried(
            call,
            lambda: act(call, f"/servers/{server}", "detach_from_network", {"network": int(network)}),
            when=said(*_BUSY),
        )
    except ApiError as error:
        if error.code != "not_found":
            raise


def change_aliases(call: Call, server: Any, network: Any, aliases: list[str]) -> None:
    """Give a server exactly these further addresses in a network."""
    act(call, f"/servers/{server}", "change_alias_ips", {"network": int(network), "alias_ips": aliases})


def _create_place(call: Call, asked: Values) -> tuple[str, Values]:
    id = f"{asked['serverId']}-{attach(call, asked['serverId'], asked)}"
    with exists_as(id):
        return id, _place(call, id) or _vanished(id)


def _read_place(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _place(call, id)
    return (id, facts) if facts else None


def _update_place(call: Call, id: str, state: Values, asked: Values) -> Values:
    server, network = _place_parts(id)
    if sorted(asked["aliasIps"]) != sorted(state.get("aliasIps") or []):
        change_aliases(call, server, network, asked["aliasIps"])
    return _place(call, id) or _vanished(id)


def _delete_place(call: Call, id: str, state: Values) -> None:
    detach(call, *_place_parts(id))


def _place_parts(id: str) -> tuple[int, int]:
    server, _, network = id.partition("-")
    if not server.isdigit() or not network.isdigit():
        raise Refused(f"unexpected id {id!r}, expected '$SERVER_ID-$NETWORK_ID'")
    return int(server), int(network)


def _place(call: Call, id: str) -> Values | None:
    server, network = _place_parts(id)
    found = call.session.one("/servers", "server", server)
    places = [place for place in (found or {}).get("private_net", ()) if place["network"] == network]
    if not places:
        return None
    told = {"ip": places[0]["ip"], "macAddress": places[0]["mac_address"], "aliasIps": places[0]["alias_ips"]}
    return {"serverId": server, "networkId": network, **told}


def _vanished(id: str) -> Values:
    raise Refused(f"{id}: the server's place in the network vanished")


NETWORK: Mapping[str, Verbs] = {
    "hcloud:index/network:Network": Verbs(create=_create, read=_read, update=_update, delete=_delete),
    "hcloud:index/networkSubnet:NetworkSubnet": Verbs(
        create=_create_subnet, read=_read_subnet, update=_settle_subnet, delete=_delete_subnet
    ),
    "hcloud:index/serverNetwork:ServerNetwork": Verbs(
        create=_create_place, read=_read_place, update=_update_place, delete=_delete_place
    ),
}
