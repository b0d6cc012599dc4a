"""What a server is born with, as the cloud wants to be told."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import given
from rehearsal.plugins.hcloud.api import Cloud
from rehearsal.plugins.state import number
from rehearsal.plugins.wire import Values

_BODY = {
    "name": "name",
    "serverType": "server_type",
    "location": "location",
    "userData": "user_data",
    "labels": "labels",
    "placementGroupId": "placement_group",
}


def birth(cloud: Cloud, asked: Values) -> Values:
    """The body of the call; what it names is looked up first."""
    type = cloud.known("/server_types", "server_type", asked["serverType"])
    if not type:
        raise Refused(f"server type {asked['serverType']} not found")
    body = given(asked, _BODY) | {"image": _image_id(cloud, asked, type["architecture"])}
    if keys := [_key_id(cloud, key) for key in asked.get("sshKeys") or ()]:
        body["ssh_keys"] = keys
    if firewalls := asked.get("firewallIds"):
        body["firewalls"] = [{"firewall": number(firewall)} for firewall in firewalls]
    if group := asked.get("placementGroupId"):
        placement_group(cloud, group)
    if asked.get("publicNets"):
        body["public_net"] = public_net(asked["publicNets"][0])
    return body | ({"start_after_create": False} if waits_for_networks(asked) else {})


def _image_id(cloud: Cloud, asked: Values, architecture: str) -> int:
    wanted = asked.get("image") or ""
    image = cloud.one("/images", "image", wanted) if wanted.isdigit() else None
    which = {"architecture": architecture, "include_deprecated": "true"}
    image = image or cloud.named("/images", "images", wanted, **which)
    if not image:
        raise Refused(f"image {wanted} for architecture {architecture} not found")
    return int(image["id"])


def _key_id(cloud: Cloud, wanted: str) -> int:
    key = cloud.known("/ssh_keys", "ssh_key", wanted)
    if not key:
        raise Refused(f"SSH key not found: {wanted}")
    return int(key["id"])


def placement_group(cloud: Cloud, id: Any) -> int:
    """The number of a placement group that is there."""
    if not cloud.one("/placement_groups", "placement_group", id):
        raise Refused(f"placement group not found: {id}")
    return int(id)


def public_net(asked: Values) -> Values:
    """Which public addresses a server has, and which of them are primary IPs of their own."""
    told: dict[str, Any] = {}
    for family in ("ipv4", "ipv6"):
        address = number(asked.get(family)) or None
        told[f"enable_{family}"] = bool(address) or asked.get(f"{family}Enabled", True)
        told |= {family: address} if address else {}
    return told


def waits_for_networks(asked: Values) -> bool:
    """A server without any public address starts when it has a private one."""
    if not asked.get("networks") or not asked.get("publicNets"):
        return False
    net = public_net(asked["publicNets"][0])
    return not net["enable_ipv4"] and not net["enable_ipv6"]
