"""What is done with volumes: given to a server, taken away, made larger.

When a volume begins and ceases to be a machine's is told in the event log, with the seconds in full: what it says
includes all the time in which the machine could have written.
"""

from __future__ import annotations

import time

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, volumes
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid
from rehearsal.cloud.hetzner.resources import change_protection, find
from rehearsal.cloud.hetzner.rows import Action, Volume

routes = Routes()


@routes.on("POST", "/volumes/<int:id>/actions/attach")
def attach_volume(call: Call, id: int) -> Answer:
    """Give a volume to a server of its location; only one that nobody has."""
    (wanted,) = call.need("server")
    with call.change() as tables:
        volume, server = find(tables.volumes, "volume", id), find(tables.servers, "server", wanted)
        for kind, each in (("volume", id), ("server", server.id)):
            actions.free(tables, kind, each)
        if volume.server is not None:
            raise ApiError("volume_already_attached", "volume is already attached to a server, detach first")
        if volume.location != server.location:
            raise invalid("server", "server and volume must be in the same location")
        volumes.check_room(tables, server)
        volumes.refuse_automount(call.body)
        action = actions.begin(tables, "attach_volume", ("volume", id), ("server", server.id))
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("attach_volume")
def attach(cloud: Cloud, action: Action) -> None:
    """Show a volume to its server; one without a machine yet finds it at its birth."""
    volume, server = volumes.subject(cloud, action), actions.subject(action, "server")
    if cloud.store.state.hetzner.servers[server].made:
        plug(cloud, volume, server)
    with cloud.store.change():
        volume.server = server


def plug(cloud: Cloud, volume: Volume, machine: int) -> None:
    """Show a volume to a machine."""
    cloud.event("volume attached", volume=volume.id, server=machine, clock=time.time())
    try:
        cloud.hypervisor.attach_volume(volume.id, machine, name=volumes.device(volume))
    except Exception:
        cloud.event("volume detached", volume=volume.id, server=machine, clock=time.time())
        raise


@routes.on("POST", "/volumes/<int:id>/actions/detach")
def detach_volume(call: Call, id: int) -> Answer:
    """Take a volume from its server, mounted or not."""
    with call.change() as tables:
        volume = find(tables.volumes, "volume", id)
        if volume.server is None:
            raise ApiError("volume_not_attached", "volume is not attached to a server")
        action = actions.begin(tables, "detach_volume", ("volume", id), ("server", volume.server))
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("detach_volume")
def detach(cloud: Cloud, action: Action) -> None:
    """Take a volume away."""
    unplug(cloud, volumes.subject(cloud, action))


def unplug(cloud: Cloud, volume: Volume) -> None:
    """Take a volume from whoever has it, and tell when that is over."""
    cloud.hypervisor.detach_volume(volume.id)
    cloud.event("volume detached", volume=volume.id, server=volume.server, clock=time.time())
    with cloud.store.change():
        volume.server = None


@routes.on("POST", "/volumes/<int:id>/actions/resize")
def resize_volume(call: Call, id: int) -> Answer:
    """Make a volume larger; the file system on it stays as it is."""
    (size,) = call.need("size")
    with call.change() as tables:
        volume = find(tables.volumes, "volume", id)
        volumes.check_size(size, smallest=volume.size + 1)
        action = actions.begin(tables, "resize_volume", ("volume", id), detail={"size": size})
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("resize_volume")
def resize(cloud: Cloud, action: Action) -> None:
    """Make the disk larger."""
    volume, size = volumes.subject(cloud, action), action.detail["size"]
    cloud.hypervisor.resize_volume(volume.id, gigabytes=size)
    with cloud.store.change():
        volume.size = size


@routes.on("POST", "/volumes/<int:id>/actions/change_protection")
def protect(call: Call, id: int) -> Answer:
    """Allow or forbid the deletion of a volume."""
    return change_protection(call, "volume", lambda tables: find(tables.volumes, "volume", id))
