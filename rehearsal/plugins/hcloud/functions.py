"""Functions: what a program looks up without owning it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rehearsal.plugins.client import segment
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.address import floating_facts
from rehearsal.plugins.hcloud.api import Cloud
from rehearsal.plugins.hcloud.dns import set_facts, zone_facts
from rehearsal.plugins.hcloud.server import server_facts
from rehearsal.plugins.wire import Values

_LOCATION = {
    "id": "id",
    "name": "name",
    "description": "description",
    "country": "country",
    "city": "city",
    "latitude": "latitude",
    "longitude": "longitude",
    "networkZone": "network_zone",
}
_TYPE = {
    "id": "id",
    "name": "name",
    "description": "description",
    "category": "category",
    "cores": "cores",
    "disk": "disk",
    "storageType": "storage_type",
    "cpuType": "cpu_type",
    "architecture": "architecture",
}
_IMAGE = {
    "id": "id",
    "type": "type",
    "name": "name",
    "description": "description",
    "created": "created",
    "osFlavor": "os_flavor",
    "osVersion": "os_version",
    "architecture": "architecture",
}


def _zone(cloud: Cloud, asked: Values) -> Values:
    wanted, by = asked.get("id") or asked.get("name"), "name" if asked.get("name") else "id"
    if asked.get("withSelector"):
        zone = _only(cloud.list("/zones", "zones", label_selector=asked["withSelector"]), "zone", asked["withSelector"])
    else:
        zone = _found(cloud.one("/zones", "zone", wanted), "zone", by, wanted)
    return {**_echo(asked), "id": zone["id"], **zone_facts(zone)}


def _record_set(cloud: Cloud, asked: Values) -> Values:
    path = f"/zones/{segment(asked['zone'])}/rrsets"
    if asked.get("withSelector"):
        rows = cloud.list(path, "rrsets", label_selector=asked["withSelector"])
        found = _only(rows, "zone rrset", asked["withSelector"])
    else:
        name, _, type = (asked.get("id") or f"{asked['name']}/{asked['type']}").rpartition("/")
        answer = cloud.find(f"{path}/{segment(name)}/{segment(type)}")
        found = _found(answer and answer["rrset"], "zone rrset", "id", f"{name}/{type}")
    return {**_echo(asked), **_record_set_told(found)}


def _record_sets(cloud: Cloud, asked: Values) -> Values:
    query = {"label_selector": asked["withSelector"]} if asked.get("withSelector") else {}
    rows = cloud.list(f"/zones/{segment(asked['zone'])}/rrsets", "rrsets", **query)
    told = [{"zone": str(row["zone"]), **_record_set_told(row)} for row in rows]
    return {**_echo(asked), "id": _list_id(rows), "rrsets": told}


def _record_set_told(row: Values) -> Values:
    facts = set_facts(row)
    records = [{"comment": "", **record} for record in facts["records"]]
    return {"id": row["id"], **facts, "ttl": facts["ttl"] or 0, "records": records}


def _location(cloud: Cloud, asked: Values) -> Values:
    return _told(_looked_up(cloud, "/locations", "location", asked), _LOCATION)


def _locations(cloud: Cloud, asked: Values) -> Values:
    rows = cloud.list("/locations", "locations")
    return _listed(rows, "locationIds") | {"locations": [_told(row, _LOCATION) for row in rows]}


def _server_type(cloud: Cloud, asked: Values) -> Values:
    return _type_told(_looked_up(cloud, "/server_types", "server_type", asked))


def _server_types(cloud: Cloud, asked: Values) -> Values:
    rows = cloud.list("/server_types", "server_types")
    return _listed(rows, "serverTypeIds") | {"serverTypes": [_type_told(row) for row in rows]}


def _type_told(row: Values) -> Values:
    places = [_place_told(place) for place in row.get("locations") or ()]
    own = {"memory": int(row["memory"]), "includedTraffic": 0, "locations": places}
    return {**_told(row, _TYPE), **own, **_deprecation(row)}


def _place_told(place: Values) -> Values:
    told = {"id": place["id"], "name": place["name"]}
    flags = {name: bool(place.get(name)) for name in ("available", "recommended")}
    return {**told, **flags, **_deprecation(place)}


def _deprecation(row: Values) -> Values:
    told = row.get("deprecation") or {}
    dates = {
        "deprecationAnnounced": told.get("announced") or "",
        "unavailableAfter": told.get("unavailable_after") or "",
    }
    return {"isDeprecated": bool(told), **dates}


def _image(cloud: Cloud, asked: Values) -> Values:
    if asked.get("id"):
        image = _found(cloud.one("/images", "image", asked["id"]), "image", "id", asked["id"])
    else:
        wanted = asked.get("name") or asked.get("withSelector") or asked.get("selector")
        rows = cloud.list("/images", "images", **_image_query(asked))
        image = rows[0] if rows and asked.get("mostRecent") else _only(rows, "image", wanted)
    flags = {"rapidDeploy": bool(image.get("rapid_deploy")), "labels": image.get("labels") or {}}
    return {**_echo(asked), **_told(image, _IMAGE), **flags, "deprecated": image.get("deprecated") or ""}


def _image_query(asked: Values) -> dict[str, Any]:
    query: dict[str, Any] = {"architecture": asked.get("withArchitecture") or "x86"}
    query |= {"name": asked["name"]} if asked.get("name") else {}
    selector = asked.get("withSelector") or asked.get("selector")
    query |= {"label_selector": selector} if selector else {}
    query |= {"status": asked["withStatuses"]} if asked.get("withStatuses") else {}
    query |= {"include_deprecated": "true"} if asked.get("includeDeprecated") else {}
    return query | ({"sort": "created:desc"} if asked.get("mostRecent") else {})


def _floating_ip(cloud: Cloud, asked: Values) -> Values:
    found = _floating_row(cloud, asked)
    return {**_echo(asked), "id": found["id"], **floating_facts(found, {})}


def _floating_row(cloud: Cloud, asked: Values) -> Values:
    if wanted := asked.get("id"):
        return _found(cloud.one("/floating_ips", "floating_ip", wanted), "Floating IP", "id", wanted)
    if wanted := asked.get("name"):
        return _found(cloud.named("/floating_ips", "floating_ips", wanted), "Floating IP", "name", wanted)
    if wanted := asked.get("ipAddress"):
        rows = [row for row in cloud.list("/floating_ips", "floating_ips") if row["ip"].partition("/")[0] == wanted]
        return _only(rows, "Floating IP", wanted)
    selector = asked.get("withSelector") or asked.get("selector")
    if not selector:
        raise Refused("please specify a id, ip_address or a selector to lookup the FloatingIP")
    return _only(cloud.list("/floating_ips", "floating_ips", label_selector=selector), "Floating IP", selector)


def _servers(cloud: Cloud, asked: Values) -> Values:
    query = {"label_selector": asked["withSelector"]} if asked.get("withSelector") else {}
    query |= {"status": asked["withStatuses"]} if asked.get("withStatuses") else {}
    rows = cloud.list("/servers", "servers", **query)
    return {**_echo(asked), "id": _list_id(rows), "servers": [_server_told(row) for row in rows]}


def _server_told(row: Values) -> Values:
    facts = server_facts(row, {})
    # As with the official plugin: which network an address is in is told only to who asked for that network.
    places = [
        {"networkId": 0, "ip": place["ip"], "macAddress": place["mac_address"], "aliasIps": place["alias_ips"]}
        for place in row["private_net"]
    ]
    blank = {"datacenter": "", "image": "", "iso": "", "rescue": ""}
    group = {"placementGroupId": facts["placementGroupId"] or 0}
    return {**blank, **facts, **group, "id": row["id"], "networks": places}


def _looked_up(cloud: Cloud, path: str, key: str, asked: Values) -> Values:
    what = key.replace("_", " ")
    if asked.get("id"):
        return _found(cloud.one(path, key, asked["id"]), what, "id", asked["id"])
    if asked.get("name"):
        return _found(cloud.named(path, path.removeprefix("/"), asked["name"]), what, "name", asked["name"])
    raise Refused(f"{what}: exactly one of id, name has to be given (got none)")


def _found(row: Values | None, what: str, by: str, wanted: Any) -> Values:
    if not row:
        raise Refused(f"Resource ({what}) was not found: {by}={wanted}")
    return row


def _only(rows: list[Values], what: str, using: Any) -> Values:
    if len(rows) != 1:
        said = "was not found" if not rows else f"was found more than once (got {len(rows)})"
        raise Refused(f"Resource ({what}) {said} using {using}")
    return rows[0]


def _told(row: Values, names: Mapping[str, str]) -> Values:
    return {ours: row.get(theirs) for ours, theirs in names.items() if row.get(theirs) is not None}


def _echo(asked: Values) -> Values:
    return {name: value for name, value in asked.items() if value is not None}


def _listed(rows: list[Values], ids: str) -> Values:
    told = {"id": _list_id(rows), ids: [str(row["id"]) for row in rows]}
    return told | {f"{name}s": [row[name] for row in rows] for name in ("name", "description")}


def _list_id(rows: list[Values]) -> str:
    return hashlib.sha1("".join(str(row["id"]) for row in rows).encode()).hexdigest()


def _tokens(functions: Iterable[tuple[str, Callable[[Cloud, Values], Values]]]) -> Mapping[str, Any]:
    return {f"hcloud:index/{name}:{name}": function for name, function in functions}


FUNCTIONS = _tokens(
    [
        ("getFloatingIp", _floating_ip),
        ("getImage", _image),
        ("getLocation", _location),
        ("getLocations", _locations),
        ("getServerType", _server_type),
        ("getServerTypes", _server_types),
        ("getServers", _servers),
        ("getZone", _zone),
        ("getZoneRrset", _record_set),
        ("getZoneRrsets", _record_sets),
    ]
)
