"""The metadata service: tells a machine about itself, and knows it by the address it asks from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from rehearsal import paths, vendor
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.rows import Droplet, Json
from rehearsal.cloud.store import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROOT = "/metadata/v1"
MASK = str(paths.PUBLIC.netmask)


class Metadata:
    """A WSGI application; `peer` finds the asking address and is another one only in tests."""

    def __init__(self, cloud: Cloud, *, peer: Callable[[Request], str | None] = lambda r: r.remote_addr) -> None:
        self.cloud = cloud
        self.peer = peer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response("method not allowed", status=405)
        with self.cloud.store.read() as state:
            droplet = _whose(state, self.peer(request))
            about = describe(state, droplet) if droplet else None
        if about is None:
            return Response("not found", status=404)
        if request.path == f"{ROOT}.json":
            return Response(json.dumps(about), content_type="application/json")
        return _leaf(about, request.path)


def _whose(state: State, peer: str | None) -> Droplet | None:
    reserved = state.reserved_ips.get(peer or "")
    if reserved and reserved.droplet_id:
        return state.droplets.get(reserved.droplet_id)
    return next((d for d in state.droplets.values() if peer in (d.public_ip, d.private_ip)), None)


def describe(state: State, droplet: Droplet) -> Json:
    """Give what DigitalOcean tells a droplet, as one document."""
    reserved = next((ip.ip for ip in state.reserved_ips.values() if ip.droplet_id == droplet.id), None)
    address: Json = {"ipv4": {"active": reserved is not None, **({"ip_address": reserved} if reserved else {})}}
    mask = str(IPv4Network(state.vpcs[droplet.vpc_uuid].ip_range).netmask)
    private = {"ipv4": {"ip_address": droplet.private_ip, "netmask": mask, "gateway": ""}, "type": "private"}
    public = {"ipv4": {"ip_address": droplet.public_ip, "netmask": MASK, "gateway": paths.GATEWAY}, "type": "public"}
    return {
        "droplet_id": droplet.id,
        "hostname": droplet.name,
        "user_data": droplet.user_data,
        "vendor_data": vendor.DATA,
        "public_keys": droplet.keys,
        "auth_key": "",
        "region": droplet.region,
        "interfaces": {"public": [public], "private": [private]},
        "floating_ip": address,
        "reserved_ip": address,
        "dns": {"nameservers": [paths.GATEWAY]},
        "features": {"dhcp_enabled": False},
        "tags": droplet.tags,
    }


def _leaf(about: Json, path: str) -> Response:
    if path == ROOT:
        return Response("", status=301, headers={"Location": f"{ROOT}/"})
    if not path.startswith(f"{ROOT}/"):
        return Response("not found", status=404)
    node: Any = tree(about)
    wanted = path.removeprefix(f"{ROOT}/")
    for part in filter(None, wanted.split("/")):
        if not isinstance(node, dict) or part not in node:
            return Response("not found", status=404)
        node = node[part]
    if not isinstance(node, dict):
        return Response(str(node), content_type="text/plain; charset=utf-8")
    if not path.endswith("/"):
        return Response("", status=301, headers={"Location": f"{path}/"})
    lines = (f"{name}/" if isinstance(below, dict) else name for name, below in node.items())
    return Response("\n".join(lines), content_type="text/plain; charset=utf-8")


def tree(about: Json) -> Json:
    """Give the same as the paths under `/metadata/v1/`."""
    return {
        "id": about["droplet_id"],
        "hostname": about["hostname"],
        "user-data": about["user_data"],
        "vendor-data": about["vendor_data"],
        "public-keys": "\n".join(about["public_keys"]),
        "region": about["region"],
        "interfaces": {kind: _numbered(links) for kind, links in about["interfaces"].items()},
        "dns": {"nameservers": "\n".join(about["dns"]["nameservers"])},
        "floating_ip": _flags(about["floating_ip"]),
        "reserved_ip": _flags(about["reserved_ip"]),
        "tags": "\n".join(about["tags"]),
        "features": {"dhcp_enabled": "false"},
    }


def _numbered(links: list[Json]) -> Json:
    def link(row: Json) -> Json:
        v4 = row["ipv4"]
        ipv4 = {"address": v4["ip_address"], "netmask": v4["netmask"], "gateway": v4["gateway"]}
        return {"type": row["type"], "ipv4": ipv4}

    return {str(number): link(row) for number, row in enumerate(links)}


def _flags(address: Json) -> Json:
    v4 = {name: str(value).lower() for name, value in address["ipv4"].items()}
    return {"ipv4": v4}
