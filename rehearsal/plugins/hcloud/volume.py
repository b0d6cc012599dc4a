"""Volumes and their attachment to servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.hcloud.actions import (
    act,
    any_failure,
    changed,
    exists_as,
    given,
    protect,
    put_changed,
    retried,
    said,
    settle,
)
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_BODY = {
    "name": "name",
    "size": "size",
    "location": "location",
    "serverId": "server",
    "labels": "labels",
    "format": "format",
}


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    body = given(asked, _BODY) | _automount(asked)
    answer = retried(call, lambda: call.session.post("/volumes", body), when=said("locked"))
    id = str(answer["volume"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"), *(answer.get("next_actions") or ()))
        if asked["deleteProtection"]:
            protect(call, f"/volumes/{id}", delete=True)
        return id, _facts(call.session.get(f"/volumes/{id}")["volume"], {})


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    volume = call.session.one("/volumes", "volume", id)
    return (id, _facts(volume, state)) if volume else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/volumes/{segment(id)}"
    put_changed(call, path, state, asked, {"name": "name", "labels": "labels"})
    if "serverId" in asked and changed(state, asked, "serverId"):
        _move(call, path, asked)
    if asked["size"] != state.get("size"):
        act(call, path, "resize", {"size": asked["size"]})
    if changed(state, asked, "deleteProtection"):
        protect(call, path, delete=asked["deleteProtection"])
    return _facts(call.session.get(path)["volume"], {})


def _move(call: Call, path: str, asked: Values) -> None:
    if call.session.get(path)["volume"]["server"]:
        _detach(call, path, when=any_failure)
    if asked["serverId"]:
        body = {"server": int(asked["serverId"]), **_automount(asked)}
        retried(call, lambda: act(call, path, "attach", body), when=any_failure)


def _delete(call: Call, id: str, state: Values) -> None:
    volume, path = call.session.one("/volumes", "volume", id), f"/volumes/{segment(id)}"
    if not volume:
        return
    if volume["server"]:
        _detach(call, path, when=any_failure)
    retried(call, lambda: call.session.delete(path), when=any_failure)


def _detach(call: Call, path: str, *, when: Any) -> None:
    try:
        retried(call, lambda: act(call, path, "detach"), when=lambda error: error.code != "not_found" and when(error))
    except ApiError as error:
        if error.code != "not_found":
            raise


def _facts(volume: Values, state: Values) -> Values:
    return {
        "name": volume["name"],
        "size": volume["size"],
        "location": volume["location"]["name"],
        "labels": volume.get("labels") or {},
        "linuxDevice": volume["linux_device"],
        "deleteProtection": volume["protection"]["delete"],
        # As with the official plugin, a volume that was detached by others keeps its last server in the state.
        "serverId": volume["server"] or state.get("serverId") or 0,
    }


def _automount(asked: Values) -> Values:
    return {"automount": True} if asked.get("automount") else {}


def _create_attachment(call: Call, asked: Values) -> tuple[str, Values]:
    id = str(asked["volumeId"])
    body = {"server": asked["serverId"], **_automount(asked)}
    retried(call, lambda: act(call, f"/volumes/{id}", "attach", body), when=said("locked"))
    with exists_as(id):
        return id, {**(_attached(call, id) or {}), "automount": bool(asked.get("automount"))}


def _read_attachment(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _attached(call, id, state.get("serverId"))
    return (id, facts) if facts else None


def _settle_attachment(call: Call, id: str, state: Values, asked: Values) -> Values:
    """Nothing of it changes in place; this only goes on with one whose birth failed half-way."""
    return _attached(call, id) or {}


def _delete_attachment(call: Call, id: str, state: Values) -> None:
    """Whoever has the volume loses it: the id is the volume's, not the pair's."""
    volume = call.session.one("/volumes", "volume", id)
    if volume and volume["server"]:
        _detach(call, f"/volumes/{segment(id)}", when=said("locked"))


def _attached(call: Call, id: str, server: int | None = None) -> Values | None:
    volume = call.session.one("/volumes", "volume", id)
    if not volume or not volume["server"]:
        return None
    if not call.session.one("/servers", "server", server or volume["server"]):
        return None
    return {"serverId": volume["server"], "volumeId": volume["id"]}


VOLUME: Mapping[str, Verbs] = {
    "hcloud:index/volume:Volume": Verbs(create=_create, read=_read, update=_update, delete=_delete),
    "hcloud:index/volumeAttachment:VolumeAttachment": Verbs(
        create=_create_attachment, read=_read_attachment, update=_settle_attachment, delete=_delete_attachment
    ),
}
