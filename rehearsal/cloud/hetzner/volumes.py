"""Volumes: disks that outlive servers; each belongs to one server at a time, or to nobody."""

from __future__ import annotations

import re
import time
from typing import Any

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, catalog, labels, paging
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, in_use, invalid, not_built, protected
from rehearsal.cloud.hetzner.resources import check_name, common, find, update
from rehearsal.cloud.hetzner.rows import Action, Server, Tables, Volume
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
SMALLEST, LARGEST, MOST_ON_A_SERVER = 10, 10240, 16
FORMATS = ("ext4", "xfs")
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


def render(volume: Volume) -> Json:
    """Give the API's object of a volume."""
    return {
        **common(volume),
        "size": volume.size,
        "server": volume.server,
        "location": catalog.LOCATIONS[volume.location].render(),
        "format": volume.format,
        "status": volume.status,
        "linux_device": f"/dev/disk/by-id/{device(volume)}",
        "protection": {"delete": volume.delete_protected},
    }


def device(volume: Volume) -> str:
    """Give the name under which a server finds a volume."""
    return f"scsi-0HC_Volume_{volume.id}"


def on(tables: Tables, server: int) -> list[Volume]:
    """List a server's volumes."""
    return [volume for volume in tables.volumes.values() if volume.server == server]


@routes.on("GET", "/volumes")
def list_volumes(call: Call) -> Answer:
    """List volumes."""
    wanted = call.query.getlist("status")
    with call.read() as tables:
        found = [volume for volume in tables.volumes.values() if not wanted or volume.status in wanted]
        return paging.listing(call, "volumes", found, render)


@routes.on("POST", "/volumes")
def create_volume(call: Call) -> Answer:
    """Make a volume, in a location or at once for a server."""
    name, size = call.need("name", "size")
    with call.change() as tables:
        server = find(tables.servers, "server", call.body["server"]) if call.body.get("server") else None
        if server:
            actions.free(tables, "server", server.id)
            check_room(tables, server)
        place = server.location if server else catalog.location(call.body.get("location")).name
        _check(tables, call.body, name, size)
        volume = _new(tables, call.body, place)
        begun = [actions.begin(tables, "create_volume", ("volume", volume.id))]
        if server:
            ends: list[actions.Ref] = [("volume", volume.id), ("server", server.id)]
            begun.append(actions.follow(tables, "attach_volume", *ends))
        answer: Json = {"volume": render(volume), "action": actions.render(begun[0])}
        answer["next_actions"] = [actions.render(action) for action in begun[1:]]
    actions.start(call.cloud, *begun)
    return 201, answer


def _check(tables: Tables, body: Json, name: Any, size: Any) -> None:
    check_name(tables.volumes, "volume", name)
    if not NAME.fullmatch(name):
        raise invalid("name", "must be letters, digits, dots, dashes and underscores, 64 at most")
    check_size(size, smallest=SMALLEST)
    if body.get("format") not in (None, *FORMATS):
        raise invalid("format", f"must be one of {', '.join(FORMATS)}")
    refuse_automount(body)
    labels.check(body.get("labels"))


def refuse_automount(body: Json) -> None:
    """Refuse what a daemon of the real cloud's images does."""
    if body.get("automount"):
        raise not_built("automount of volumes (mount them on the server)")


def check_size(size: Any, *, smallest: int) -> None:
    """Refuse a size that cannot be had."""
    if not isinstance(size, int) or not smallest <= size <= LARGEST:
        raise invalid("size", f"must be between {smallest} and {LARGEST}")


def check_room(tables: Tables, server: Server) -> None:
    """Refuse one volume too many."""
    if len(on(tables, server.id)) >= MOST_ON_A_SERVER:
        raise ApiError("resource_limit_exceeded", f"a server can have {MOST_ON_A_SERVER} volumes")


def _new(tables: Tables, body: Json, place: str) -> Volume:
    volume = Volume(
        id=tables.next_id("volume"),
        name=body["name"],
        created=now(),
        labels=labels.check(body.get("labels")),
        size=body["size"],
        location=place,
        format=body.get("format"),
    )
    tables.volumes[volume.id] = volume
    return volume


@actions.work("create_volume")
def make(cloud: Cloud, action: Action) -> None:
    """Make the disk."""
    volume = subject(cloud, action)
    cloud.hypervisor.create_volume(volume.id, gigabytes=volume.size, format=volume.format)
    with cloud.store.change():
        volume.status = "available"


def subject(cloud: Cloud, action: Action) -> Volume:
    """Give the volume that an action is about."""
    return cloud.store.state.hetzner.volumes[actions.subject(action, "volume")]


@routes.on("GET", "/volumes/<int:id>")
def read_volume(call: Call, id: int) -> Answer:
    """Show a volume."""
    with call.read() as tables:
        return 200, {"volume": render(find(tables.volumes, "volume", id))}


@routes.on("PUT", "/volumes/<int:id>")
def change_volume(call: Call, id: int) -> Answer:
    """Rename or label a volume."""
    with call.change() as tables:
        volume = find(tables.volumes, "volume", id)
        update(tables.volumes, "volume", volume, call.body)
        return 200, {"volume": render(volume)}


@routes.on("DELETE", "/volumes/<int:id>")
def delete_volume(call: Call, id: int) -> Answer:
    """Delete a volume that no server has, with its data."""
    with call.change() as tables:
        volume = find(tables.volumes, "volume", id)
        if volume.delete_protected:
            raise protected("volume")
        actions.free(tables, "volume", id)
        if volume.server is not None:
            raise in_use("volume")
        del tables.volumes[id]
    call.cloud.hypervisor.destroy_volume(id)
    call.cloud.event("volume deleted", volume=id, clock=time.time())
    return DONE
