"""Droplets: born, waited for, resized by a power-off, renamed, tagged, destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.client import ApiError, segment, wait_until
from rehearsal.plugins.digitalocean.actions import act
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.stand_in import Call, HalfDone, Verbs
from rehearsal.plugins.state import number
from rehearsal.plugins.wire import Values

_MINUTE = 60.0
_FLAGS = {"backups": "backups", "ipv6": "ipv6", "monitoring": "monitoring", "privateNetworking": "private_networking"}
_BODY = {
    "name": "name",
    "region": "region",
    "size": "size",
    "userData": "user_data",
    "vpcUuid": "vpc_uuid",
    "dropletAgent": "with_droplet_agent",
    "publicNetworking": "public_networking",
    "backupPolicy": "backup_policy",
    **_FLAGS,
}


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    droplet = call.session.post("/v2/droplets", _body(asked))["droplet"]
    id = str(droplet["id"])
    try:
        _wait_for(call, id, "active")
    except Exception as error:
        raise HalfDone(id, {}, f"waiting for droplet ({id}) to become ready: {error}") from error
    return id, _facts_of(call.session, id)


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/droplets/{segment(id)}")
    if not found:
        return None
    image = found["droplet"].get("image") or {}
    # The image is never read back, but an import has to begin somewhere.
    imported = {} if state.get("image") else {"image": image.get("slug") or str(image.get("id"))}
    return id, {**imported, **droplet_facts(found["droplet"])}


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    for name in ("volumeIds", "backupPolicy", "ipv6Address"):
        if name in asked and asked[name] != state.get(name):
            raise Refused(f"droplet: {name}: cannot be changed by this stand-in")
    if "status" not in state:  # its birth failed half-way
        _wait_for(call, id, "active")
    if asked["size"].lower() != state.get("size"):
        _resize(call, id, asked)
    if asked["name"] != state.get("name"):
        act(call, f"/v2/droplets/{id}", {"type": "rename", "name": asked["name"]})
    if asked["ipv6"] and not state.get("ipv6"):
        act(call, f"/v2/droplets/{id}", {"type": "enable_ipv6"})
    if asked["backups"] != bool(state.get("backups")):
        act(call, f"/v2/droplets/{id}", {"type": f"{'enable' if asked['backups'] else 'disable'}_backups"})
    retag(call.session, id, "droplet", old=state.get("tags") or [], new=asked.get("tags") or [])
    return _facts_of(call.session, id)


def _delete(call: Call, id: str, state: Values) -> None:
    path = f"/v2/droplets/{segment(id)}"
    wait_until(call, lambda: not _locked(call.session, id), what=f"droplet {id} unlocked", limit=_MINUTE)
    if state.get("gracefulShutdown"):
        _shut_down(call, id)
    call.session.delete(path)
    wait_until(call, lambda: call.session.find(path) is None, what=f"droplet {id} destroyed", limit=_MINUTE)


def droplet_facts(droplet: Values) -> Values:
    """What the state tells of a droplet."""
    features = droplet.get("features") or []
    return {
        **{name: feature in features for name, feature in _FLAGS.items()},
        **_addresses(droplet.get("networks") or {}),
        "name": droplet["name"],
        "region": droplet["region"]["slug"],
        "size": droplet["size"]["slug"],
        "priceHourly": droplet["size"]["price_hourly"],
        "priceMonthly": droplet["size"]["price_monthly"],
        "disk": droplet["disk"],
        "vcpus": droplet["vcpus"],
        "memory": droplet["memory"],
        "status": droplet["status"],
        "locked": droplet["locked"],
        "createdAt": droplet["created_at"],
        "dropletUrn": f"do:droplet:{droplet['id']}",
        "vpcUuid": droplet.get("vpc_uuid") or "",
        "volumeIds": droplet.get("volume_ids") or [],
        "tags": droplet.get("tags") or None,
    }


def retag(cloud: Cloud, id: str, kind: str, *, old: list[str], new: list[str]) -> None:
    """Make a resource carry exactly the new tags."""
    resources = {"resources": [{"resource_id": id, "resource_type": kind}]}
    for tag in sorted(set(old) - set(new)):
        cloud.delete(f"/v2/tags/{segment(tag)}/resources", resources)
    for tag in sorted(set(new) - set(old)):
        cloud.post("/v2/tags", {"name": tag})
        cloud.post(f"/v2/tags/{segment(tag)}/resources", resources)


def _body(asked: Values) -> Values:
    body: dict[str, Any] = {theirs: asked[ours] for ours, theirs in _BODY.items() if asked.get(ours) is not None}
    body["image"] = number(asked["image"])
    body["ssh_keys"] = [number(key) for key in asked.get("sshKeys") or []]
    body["tags"] = asked.get("tags") or []
    if asked.get("volumeIds"):
        body["volumes"] = [{"id": volume} for volume in asked["volumeIds"]]
    return body


def _addresses(networks: Values) -> Values:
    # A reserved IP stands in the list too, after the droplet's own address: the first of a type counts.
    by_type = {net["type"]: net["ip_address"] for net in reversed(networks.get("v4") or [])}
    version6 = [net["ip_address"].lower() for net in networks.get("v6") or [] if net["type"] == "public"]
    return {
        "ipv4Address": by_type.get("public", ""),
        "ipv4AddressPrivate": by_type.get("private", ""),
        "ipv6Address": version6[0] if version6 else "",
        "publicNetworking": "public" in by_type or bool(version6),
    }


def _facts_of(cloud: Cloud, id: str) -> Values:
    return droplet_facts(cloud.get(f"/v2/droplets/{segment(id)}")["droplet"])


def _locked(cloud: Cloud, id: str) -> bool:
    """The official plugin cannot delete what somebody deleted by hand either: `pulumi destroy --refresh` can."""
    if found := cloud.find(f"/v2/droplets/{segment(id)}"):
        return bool(found["droplet"]["locked"])
    raise Refused(f"Error waiting for droplet to be unlocked for destroy ({id}): unexpected state 'Not Found'")


def _wait_for(call: Call, id: str, status: str) -> None:
    def reached() -> bool:
        droplet = call.session.get(f"/v2/droplets/{segment(id)}")["droplet"]
        return bool(droplet["status"] == status and not droplet["locked"])

    wait_until(call, reached, what=f"droplet {id} {status}", limit=10 * _MINUTE)


def _resize(call: Call, id: str, asked: Values) -> None:
    path = f"/v2/droplets/{id}"
    if _facts_of(call.session, id)["status"] != "off":
        act(call, path, {"type": "power_off"})
        _wait_for(call, id, "off")
    act(call, path, {"type": "resize", "size": asked["size"], "disk": asked["resizeDisk"]})
    act(call, path, {"type": "power_on"})
    _wait_for(call, id, "active")


def _shut_down(call: Call, id: str) -> None:
    try:
        act(call, f"/v2/droplets/{id}", {"type": "shutdown"})
        _wait_for(call, id, "off")
    except ApiError as error:
        if error.status not in (404, 422):  # gone, or off already
            raise


DROPLET: Mapping[str, Verbs] = {
    "digitalocean:index/droplet:Droplet": Verbs(create=_create, read=_read, update=_update, delete=_delete),
}
