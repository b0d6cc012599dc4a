"""Servers: born into their networks and behind their firewalls, changed in place where that goes, destroyed."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import (
    act,
    any_failure,
    changed,
    exists_as,
    protect,
    put_changed,
    retried,
    settle,
)
from rehearsal.plugins.hcloud.birth import birth, placement_group, public_net, waits_for_networks
from rehearsal.plugins.hcloud.network import attach, change_aliases, detach, subnet_parts
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_NOT_HERE = ("iso", "rescue")


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    _refuse_what_is_not_here({}, asked)
    answer = call.session.post("/servers", birth(call.session, asked))
    id = str(answer["server"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"), *(answer.get("next_actions") or ()))
        _complete(call, f"/servers/{id}", id, asked)
        return id, server_facts(call.session.get(f"/servers/{id}")["server"], asked)


def _complete(call: Call, path: str, id: str, asked: Values) -> None:
    """What follows the birth: networks, and the first start where it had to wait for them."""
    for place in asked.get("networks") or ():
        attach(call, id, place)
    if waits_for_networks(asked):
        retried(call, lambda: act(call, path, "poweron"), when=any_failure)
    if asked["backups"]:
        act(call, path, "enable_backup", {})
    if asked["deleteProtection"] or asked["rebuildProtection"]:
        protect(call, path, delete=asked["deleteProtection"], rebuild=asked["rebuildProtection"])


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    server = call.session.known("/servers", "server", id)
    return (str(server["id"]), server_facts(server, state)) if server else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    _refuse_what_is_not_here(state, asked)
    path = f"/servers/{segment(id)}"
    server = call.session.get(path)["server"]
    put_changed(call, path, state, asked, {"name": "name", "labels": "labels"})
    if asked["serverType"] != state.get("serverType"):
        _change_type(call, path, server, asked)
    if asked["backups"] != bool(server.get("backup_window")):
        act(call, path, "enable_backup" if asked["backups"] else "disable_backup", {})
    if asked.get("networks"):
        _reconcile_networks(call, server, asked["networks"])
    if "firewallIds" in asked and _numbers(asked) != _numbers(state):
        _reconcile_firewalls(call, server, _numbers(asked))
    if changed(state, asked, "placementGroupId"):
        _change_group(call, path, server, asked.get("placementGroupId"))
    if changed(state, asked, "deleteProtection") or changed(state, asked, "rebuildProtection"):
        protect(call, path, delete=asked["deleteProtection"], rebuild=asked["rebuildProtection"])
    return server_facts(call.session.get(path)["server"], asked)


def _delete(call: Call, id: str, state: Values) -> None:
    """One that is gone is an error here, as it is with the official plugin: `--refresh` gets over it."""
    path = f"/servers/{segment(id)}"
    if state.get("shutdownBeforeDeletion"):
        _shut_down(call, path, id)
    settle(call, call.session.delete(path, gone_is_fine=False).get("action"))


def server_facts(server: Values, known: Values) -> Values:
    """What the state tells of a server; `known` is what the program said or the state held."""
    protection = server["protection"]
    told = {
        "name": server["name"],
        "location": server["location"]["name"],
        "status": server["status"],
        "serverType": server["server_type"]["name"],
        "backupWindow": server.get("backup_window") or "",
        "backups": bool(server.get("backup_window")),
        "labels": server.get("labels") or {},
        "deleteProtection": protection["delete"],
        "rebuildProtection": protection["rebuild"],
        "firewallIds": [firewall["id"] for firewall in server["public_net"].get("firewalls") or ()],
        "primaryDiskSize": server["primary_disk_size"],
        "placementGroupId": (server.get("placement_group") or {}).get("id"),
        **_addresses(server["public_net"]),
        **_image(server.get("image"), known),
    }
    if server.get("datacenter"):
        told["datacenter"] = server["datacenter"]["name"]
    if known.get("networks"):  # places that another resource made are that one's to tell of
        told["networks"] = [_place(place, known["networks"]) for place in server["private_net"]]
    return told


def _addresses(net: Values) -> Values:
    v4, v6 = net.get("ipv4") or {}, net.get("ipv6") or {}
    network = v6.get("ip")
    return {
        "ipv4Address": v4.get("ip") or "",
        "ipv6Address": f"{network.partition('/')[0]}1" if network else "",
        "ipv6Network": network or "<nil>",  # as the official plugin's language prints none
    }


def _image(image: Values | None, known: Values) -> Values:
    if not image:
        return {}
    id = str(image["id"])
    return {"image": image["name"] if image.get("name") and id != str(known.get("image")) else id}


def _place(place: Values, known: list[Values]) -> Values:
    told: Values = {"ip": place["ip"], "macAddress": place["mac_address"], "aliasIps": place["alias_ips"]}
    for wanted in known:
        if _network_of(wanted) == place["network"]:
            subnet = {"subnetId": wanted["subnetId"]} if wanted.get("subnetId") else {}
            return {**told, "networkId": place["network"], **subnet}
    return told


def _network_of(wanted: Values) -> int:
    return subnet_parts(wanted["subnetId"])[0] if wanted.get("subnetId") else int(wanted.get("networkId") or 0)


def _refuse_what_is_not_here(state: Values, asked: Values) -> None:
    for name in _NOT_HERE:
        if changed(state, asked, name):
            raise Refused(f"server: {name}: this stand-in does not know it")
    before = [public_net(net) for net in state.get("publicNets") or ()]
    if state and asked.get("publicNets") and before != [public_net(net) for net in asked["publicNets"]]:
        raise Refused("server: publicNets: cannot be changed by this stand-in")


def _change_type(call: Call, path: str, server: Values, asked: Values) -> None:
    """It takes a server that is off; the cloud starts it again afterwards."""
    if server["status"] == "running":
        act(call, path, "poweroff")
    act(call, path, "change_type", {"server_type": asked["serverType"], "upgrade_disk": not asked["keepDisk"]})


def _reconcile_networks(call: Call, server: Values, wanted: list[Values]) -> None:
    left = {_network_of(place): place for place in wanted}
    for held in server["private_net"]:
        place = left.pop(held["network"], None)
        if place is None:
            detach(call, server["id"], held["network"])
        elif place.get("ip") and place["ip"] != held["ip"]:
            detach(call, server["id"], held["network"])
            attach(call, server["id"], place)
        elif sorted(place.get("aliasIps") or ()) != sorted(held["alias_ips"]):
            change_aliases(call, server["id"], held["network"], place.get("aliasIps") or [])
    for place in left.values():
        attach(call, server["id"], place)


def _numbers(values: Values) -> set[int]:
    return {int(firewall) for firewall in values.get("firewallIds") or ()}


def _reconcile_firewalls(call: Call, server: Values, wanted: set[int]) -> None:
    held = {firewall["id"] for firewall in server["public_net"].get("firewalls") or ()}
    target = [{"type": "server", "server": {"id": server["id"]}}]
    for firewall in sorted(held - wanted):
        act(call, f"/firewalls/{firewall}", "remove_from_resources", {"remove_from": target})
    for firewall in sorted(wanted - held):
        act(call, f"/firewalls/{firewall}", "apply_to_resources", {"apply_to": target})


def _change_group(call: Call, path: str, server: Values, wanted: int | None) -> None:
    if server.get("placement_group"):
        if server["status"] != "off":
            raise Refused(
                "removing a running server from a placement group is currently not supported in the provider. "
                "You can shutdown the server yourself, apply the changes again and then start the server manually"
            )
        act(call, path, "remove_from_placement_group")
    if wanted:
        act(call, path, "add_to_placement_group", {"placement_group": placement_group(call.session, wanted)})


def _shut_down(call: Call, path: str, id: str) -> None:
    act(call, path, "shutdown")
    try:
        retried(call, lambda: _must_be_off(call, path), when=lambda error: error.status == 0)
    except ApiError as error:
        call.log.warning(
            call.urn, f"Server id {id} did not finish shutting down gracefully in time, deleting it anyways. ({error})"
        )


def _must_be_off(call: Call, path: str) -> None:
    if call.session.get(path)["server"]["status"] != "off":
        raise ApiError("server has not shut down yet", status=0)


SERVER: Mapping[str, Verbs] = {
    "hcloud:index/server:Server": Verbs(create=_create, read=_read, update=_update, delete=_delete),
}
