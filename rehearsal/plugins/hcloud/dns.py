"""Zones, their record sets, and the names of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import act, changed, exists_as, given, protect, put_changed, settle
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_ZONE = {"name": "name", "mode": "mode", "ttl": "ttl", "labels": "labels"}
_SET = {"name": "name", "type": "type", "ttl": "ttl", "labels": "labels"}
_SERVER = {"address": "address", "port": "port", "tsigAlgorithm": "tsig_algorithm", "tsigKey": "tsig_key"}
_OWNERS = {  # our input -> the letter in the id, the path, the key of the answer
    "serverId": ("s", "/servers", "server"),
    "primaryIpId": ("p", "/primary_ips", "primary_ip"),
    "floatingIpId": ("f", "/floating_ips", "floating_ip"),
}


def _create_zone(call: Call, asked: Values) -> tuple[str, Values]:
    body = given(asked, _ZONE)
    if asked.get("primaryNameservers"):
        body["primary_nameservers"] = [given(server, _SERVER) for server in asked["primaryNameservers"]]
    answer = call.session.post("/zones", body)
    id = str(answer["zone"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"))
        if "deleteProtection" in asked:
            protect(call, f"/zones/{id}", delete=asked["deleteProtection"])
        return id, zone_facts(call.session.get(f"/zones/{id}")["zone"])


def _read_zone(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    zone = call.session.one("/zones", "zone", id)  # an import may well name the zone
    return (str(zone["id"]), zone_facts(zone)) if zone else None


def _update_zone(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/zones/{segment(id)}"
    if changed(state, asked, "ttl"):
        act(call, path, "change_ttl", {"ttl": asked["ttl"]})
    if "primaryNameservers" in asked and changed(state, asked, "primaryNameservers"):
        servers = [given(server, _SERVER) for server in asked["primaryNameservers"]]
        act(call, path, "change_primary_nameservers", {"primary_nameservers": servers})
    if "deleteProtection" in asked and changed(state, asked, "deleteProtection"):
        protect(call, path, delete=asked["deleteProtection"])
    put_changed(call, path, state, asked, {"labels": "labels"})
    return zone_facts(call.session.get(path)["zone"])


def _delete_zone(call: Call, id: str, state: Values) -> None:
    settle(call, call.session.delete(f"/zones/{segment(id)}").get("action"))


def zone_facts(zone: Values) -> Values:
    """What the state tells of a zone."""
    return {
        "name": zone["name"],
        "mode": zone["mode"],
        "ttl": zone["ttl"],
        "labels": zone.get("labels") or {},
        "deleteProtection": zone["protection"]["delete"],
        "primaryNameservers": [
            {ours: server[theirs] for ours, theirs in _SERVER.items() if server.get(theirs) is not None}
            for server in zone.get("primary_nameservers") or ()
        ],
        "authoritativeNameservers": {"assigneds": zone["authoritative_nameservers"]["assigned"]},
        "registrar": zone.get("registrar") or "",
    }


def _create_set(call: Call, asked: Values) -> tuple[str, Values]:
    path = f"/zones/{segment(asked['zone'])}/rrsets"
    if asked["type"] == "SOA":  # the cloud makes it with the zone: it is only taken over
        return f"{asked['name']}/SOA", _set_or_refusal(call, asked["zone"], f"{asked['name']}/SOA")
    answer = call.session.post(path, {**given(asked, _SET), "records": _records(asked)})
    id = str(answer["rrset"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"))
        if "changeProtection" in asked:
            protect(call, _set_path(asked["zone"], id), change=asked["changeProtection"])
        return id, _set_or_refusal(call, asked["zone"], id)


def _read_set(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    zone, own = (state["zone"], id) if state.get("zone") else _imported(id)
    found = call.session.find(_set_path(zone, own))
    return (own, {"zone": zone, **set_facts(found["rrset"])}) if found else None


def _update_set(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = _set_path(state["zone"], id)
    turned = "changeProtection" in asked and changed(state, asked, "changeProtection")
    if turned and not asked["changeProtection"]:
        protect(call, path, change=False)
    if changed(state, asked, "ttl"):
        act(call, path, "change_ttl", {"ttl": asked.get("ttl")})
    if _canonical(asked) != _canonical(state):
        act(call, path, "set_records", {"records": _records(asked)})
    put_changed(call, path, state, asked, {"labels": "labels"})
    if turned and asked["changeProtection"]:
        protect(call, path, change=True)
    return _set_or_refusal(call, state["zone"], id)


def _delete_set(call: Call, id: str, state: Values) -> None:
    if not id.endswith("/SOA"):
        settle(call, call.session.delete(_set_path(state["zone"], id)).get("action"))


def set_facts(found: Values) -> Values:
    """What the state tells of a record set."""
    records = [given(record, {"value": "value", "comment": "comment"}) for record in found["records"]]
    told: dict[str, Any] = {"name": found["name"], "type": found["type"], "ttl": found.get("ttl")}
    return {
        **told,
        "labels": found.get("labels") or {},
        "changeProtection": found["protection"]["change"],
        "records": [_without_serial(record) if found["type"] == "SOA" else record for record in records],
    }


def _records(asked: Values) -> list[Values]:
    return [given(record, {"value": "value", "comment": "comment"}) for record in asked["records"]]


def _canonical(values: Values) -> list[tuple[str, str]]:
    return sorted((record["value"], record.get("comment") or "") for record in values.get("records") or ())


def _without_serial(record: Values) -> Values:
    parts = record["value"].split(" ")
    return {**record, "value": " ".join([*parts[:2], "0", *parts[3:]])}


def _set_path(zone: str, id: str) -> str:
    name, _, type = id.rpartition("/")
    return f"/zones/{segment(zone)}/rrsets/{segment(name)}/{segment(type)}"


def _set_or_refusal(call: Call, zone: str, id: str) -> Values:
    found = call.session.find(_set_path(zone, id))
    if not found:
        raise Refused(f"Resource (zone rrset) was not found: id={id}")
    return set_facts(found["rrset"])


def _imported(id: str) -> tuple[str, str]:
    zone, _, own = id.partition("/")
    if "/" not in own:
        raise Refused(f"unexpected id {id!r}, expected '$ZONE_ID_OR_NAME/$RRSET_NAME/$RRSET_TYPE'")
    return zone, own


def _create_name(call: Call, asked: Values) -> tuple[str, Values]:
    owner = next((name for name in _OWNERS if asked.get(name)), None)
    if owner is None:
        raise Refused("rdns: loadBalancerId: this stand-in does not know it")
    letter, path, key = _OWNERS[owner]
    if not call.session.one(path, key, asked[owner]):
        raise Refused(f"Resource ({key.replace('_', ' ')}) was not found: id={asked[owner]}")
    _name(call, f"{path}/{asked[owner]}", asked["ipAddress"], asked["dnsPtr"])
    return f"{letter}-{asked[owner]}-{asked['ipAddress']}", {}


def _read_name(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    owner, number, address = _name_parts(id)
    _, path, key = _OWNERS[owner]
    found = call.session.one(path, key, number)
    pointer = _pointers(found or {}).get(address)
    return (id, {owner: int(number), "ipAddress": address, "dnsPtr": pointer}) if pointer else None


def _update_name(call: Call, id: str, state: Values, asked: Values) -> Values:
    owner, number, address = _name_parts(id)
    if changed(state, asked, "dnsPtr"):
        _name(call, f"{_OWNERS[owner][1]}/{number}", address, asked["dnsPtr"])
    return {"dnsPtr": asked["dnsPtr"]}


def _delete_name(call: Call, id: str, state: Values) -> None:
    owner, number, address = _name_parts(id)
    try:
        _name(call, f"{_OWNERS[owner][1]}/{number}", address, None)
    except ApiError as error:
        if error.code != "not_found":
            raise


def _name(call: Call, path: str, address: str, pointer: str | None) -> None:
    act(call, path, "change_dns_ptr", {"ip": address, "dns_ptr": pointer})


def _name_parts(id: str) -> tuple[str, str, str]:
    letter, number, address = [*id.split("-", 2), "", ""][:3]
    owner = next((name for name, (own, _, _) in _OWNERS.items() if own == letter), None)
    if owner is None or not number.isdigit() or not address:
        raise Refused(f"unexpected id {id!r}, expected '$RESOURCE_PREFIX-$RESOURCE_ID-$IP_ADDRESS'")
    return owner, number, address


def _pointers(owner: Values) -> dict[str, str]:
    """Address -> name; a server tells them family by family, the first as a text and the second as a list."""
    net = owner.get("public_net") or {}
    v4, v6 = net.get("ipv4") or {}, net.get("ipv6") or {}
    rows = [*(owner.get("dns_ptr") or ()), *(v6.get("dns_ptr") or ())]
    told = {row["ip"]: row["dns_ptr"] for row in rows}
    return told | ({v4["ip"]: v4["dns_ptr"]} if v4.get("dns_ptr") else {})


DNS: Mapping[str, Verbs] = {
    "hcloud:index/zone:Zone": Verbs(create=_create_zone, read=_read_zone, update=_update_zone, delete=_delete_zone),
    "hcloud:index/zoneRrset:ZoneRrset": Verbs(
        create=_create_set, read=_read_set, update=_update_set, delete=_delete_set
    ),
    "hcloud:index/rdns:Rdns": Verbs(create=_create_name, read=_read_name, update=_update_name, delete=_delete_name),
}
