"""What can be done to a droplet: power, resize, rename, destroy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import actions, births, catalog
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.droplets import find
from rehearsal.cloud.digitalocean.errors import not_built, not_found, unprocessable
from rehearsal.cloud.ports import PowerAction
from rehearsal.cloud.rows import Action, Droplet, Json
from rehearsal.cloud.store import State

routes = Routes()
POWER: dict[str, tuple[PowerAction, str]] = {
    "reboot": ("reboot", "active"),
    "power_cycle": ("reboot", "active"),
    "power_on": ("power_on", "active"),
    "power_off": ("power_off", "off"),
    "shutdown": ("shutdown", "off"),
}


def free(state: State, id: int) -> Droplet:
    """Find a droplet that nothing is happening to."""
    droplet = find(state, id)
    if droplet.locked:
        raise unprocessable("Droplet already has a pending event.")
    return droplet


@routes.on("DELETE", "/droplets/<int:id>")
def destroy_droplet(call: Call, id: int) -> Answer:
    """Destroy a droplet."""
    _destroy(call, lambda state: [find(state, id)])
    return DONE


@routes.on("DELETE", "/droplets")
def destroy_tagged(call: Call) -> Answer:
    """Destroy all droplets with a tag."""
    tag = call.query.get("tag_name")
    if not tag:
        raise unprocessable("tag_name is required")
    _destroy(call, lambda state: [d for d in state.droplets.values() if tag in d.tags and not d.locked])
    return DONE


def _destroy(call: Call, choose: Callable[[State], Iterable[Droplet]]) -> None:
    with call.change() as state:
        doomed = [free(state, droplet.id) for droplet in choose(state)]
        begun = [(droplet, begin(state, droplet, "destroy")) for droplet in doomed]
        for droplet in doomed:
            droplet.doomed = True
    for droplet, action in begun:
        call.cloud.start(f"destroy droplet {droplet.id}", partial(births.unmake, call.cloud, droplet, action))


def begin(state: State, droplet: Droplet, type: str, detail: Json | None = None) -> Action:
    """Lock a droplet for an action."""
    droplet.locked = True
    return actions.begin(state, type, resource=droplet.id, kind="droplet", region=droplet.region, detail=detail)


@routes.on("GET", "/droplets/<int:id>/actions")
def list_droplet_actions(call: Call, id: int) -> Answer:
    """List what was asked of a droplet, newest first."""
    with call.read() as state:
        find(state, id)
        mine = [a for a in state.actions.values() if (a.resource_type, a.resource_id) == ("droplet", id)]
        return call.page("actions", map(actions.render, reversed(mine)))


@routes.on("GET", "/droplets/<int:id>/actions/<int:action>")
def read_droplet_action(call: Call, id: int, action: int) -> Answer:
    """Show one action of a droplet."""
    with call.read() as state:
        row = state.actions.get(action)
        if row is None or (row.resource_type, row.resource_id) != ("droplet", id):
            raise not_found()
        return 200, {"action": actions.render(row)}


@routes.on("POST", "/droplets/<int:id>/actions")
def act(call: Call, id: int) -> Answer:
    """Do something to a droplet."""
    (type,) = call.need("type")
    with call.change() as state:
        droplet = free(state, id)
        work = _work(droplet, type, call.body)
        action = begin(state, droplet, type, {k: v for k, v in call.body.items() if k != "type"})
        answer = actions.render(action)
    call.cloud.start(f"{type} droplet {id}", partial(perform, call.cloud, droplet, action, work))
    return 201, {"action": answer}


Work = Callable[[Cloud, Droplet], None]


def perform(cloud: Cloud, droplet: Droplet, action: Action, work: Work) -> None:
    """Do an action's work and end it."""
    with births.finishing(cloud, droplet, action):
        work(cloud, droplet)


def resume(cloud: Cloud, droplet: Droplet, action: Action) -> None:
    """Do again what a killed daemon left half done."""
    perform(cloud, droplet, action, _work(droplet, action.type, action.detail))


def _work(droplet: Droplet, type: str, body: Json) -> Work:
    if type in POWER:
        return partial(_switch, type)
    if type == "resize":
        return _resizing(droplet, str(body.get("size")))
    if type == "rename":
        return partial(_set, "name", str(body.get("name") or droplet.name))
    switch, _, feature = type.partition("_")
    if switch in ("enable", "disable"):
        return partial(_feature, switch, feature)
    raise not_built(f"droplet action {type}")


def _switch(type: str, cloud: Cloud, droplet: Droplet) -> None:
    power, status = POWER[type]
    cloud.hypervisor.power(droplet.id, power)
    _set("status", status, cloud, droplet)


def _resizing(droplet: Droplet, size: str) -> Work:
    if size not in catalog.SIZES:
        raise unprocessable("You specified an invalid size for Droplet resize.")
    if droplet.status != "off":
        raise unprocessable("Droplet must be powered off before resizing.")
    return partial(_set, "size", size)


def _set(name: str, value: str, cloud: Cloud, droplet: Droplet) -> None:
    with cloud.store.change():
        setattr(droplet, name, value)


def _feature(switch: str, feature: str, cloud: Cloud, droplet: Droplet) -> None:
    with cloud.store.change():
        kept = [name for name in droplet.features if name != feature]
        droplet.features = [feature, *kept] if switch == "enable" else kept
