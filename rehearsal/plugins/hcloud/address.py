"""Floating IPs, their assignment, and primary IPs."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import act, changed, exists_as, given, protect, put_changed, retried, settle
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_WRITTEN = {"name": "name", "labels": "labels"}
_DESCRIBED = {**_WRITTEN, "description": "description"}
_BODY = {**_DESCRIBED, "type": "type", "homeLocation": "home_location", "serverId": "server"}


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    answer = call.session.post("/floating_ips", given(asked, _BODY))
    id = str(answer["floating_ip"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"))
        if asked["deleteProtection"]:
            protect(call, f"/floating_ips/{id}", delete=True)
        return id, floating_facts(call.session.get(f"/floating_ips/{id}")["floating_ip"], {})


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.one("/floating_ips", "floating_ip", id)
    return (id, floating_facts(found, state)) if found else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/floating_ips/{segment(id)}"
    put_changed(call, path, state, asked, _DESCRIBED)
    if "serverId" in asked and changed(state, asked, "serverId"):
        _assign(call, path, asked["serverId"])
    if changed(state, asked, "deleteProtection"):
        protect(call, path, delete=asked["deleteProtection"])
    return floating_facts(call.session.get(path)["floating_ip"], {})


def _delete(call: Call, id: str, state: Values) -> None:
    if _unassigned(call, id):
        call.session.delete(f"/floating_ips/{segment(id)}")


def floating_facts(found: Values, state: Values) -> Values:
    """What the state tells of a floating IP."""
    network = found["ip"] if found["type"] == "ipv6" else ""
    return {
        "name": found["name"],
        "type": found["type"],
        "ipAddress": found["ip"].partition("/")[0],
        "ipNetwork": network,
        "homeLocation": found["home_location"]["name"],
        "description": found.get("description") or "",
        "labels": found.get("labels") or {},
        "deleteProtection": found["protection"]["delete"],
        # As with the official plugin, an address that others took away keeps its last server in the state.
        "serverId": found["server"] or state.get("serverId") or 0,
    }


def _create_assignment(call: Call, asked: Values) -> tuple[str, Values]:
    id = str(asked["floatingIpId"])
    _assign(call, f"/floating_ips/{id}", asked["serverId"])
    with exists_as(id):
        return id, _assigned(call, id) or {}


def _read_assignment(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _assigned(call, id, state.get("serverId"))
    return (id, facts) if facts else None


def _update_assignment(call: Call, id: str, state: Values, asked: Values) -> Values:
    if not call.session.one("/floating_ips", "floating_ip", id):
        raise Refused(f"floating IP {id} vanished")
    if changed(state, asked, "serverId"):
        _assign(call, f"/floating_ips/{segment(id)}", asked["serverId"])
    return _assigned(call, id) or {}


def _delete_assignment(call: Call, id: str, state: Values) -> None:
    """Whoever has the address loses it: the id is the address's, not the pair's."""
    _unassigned(call, id)


def _assign(call: Call, path: str, server: int | None) -> None:
    if server:
        act(call, path, "assign", {"server": int(server)})
    else:
        act(call, path, "unassign")


def _unassigned(call: Call, id: str) -> bool:
    """Whether the address is there still, and now without a server."""
    found = call.session.one("/floating_ips", "floating_ip", id)
    if found and found["server"]:
        act(call, f"/floating_ips/{segment(id)}", "unassign")
    return found is not None


def _assigned(call: Call, id: str, server: int | None = None) -> Values | None:
    found = call.session.one("/floating_ips", "floating_ip", id)
    if not found or not found["server"]:
        return None
    if not call.session.one("/servers", "server", server or found["server"]):
        return None
    return {"serverId": found["server"], "floatingIpId": found["id"]}


def _create_primary(call: Call, asked: Values) -> tuple[str, Values]:
    answer = call.session.post("/primary_ips", _primary_body(asked))
    id = str(answer["primary_ip"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"))
        if asked["deleteProtection"]:
            protect(call, f"/primary_ips/{id}", delete=True)
        return id, _primary_facts(call.session.get(f"/primary_ips/{id}")["primary_ip"])


def _primary_body(asked: Values) -> Values:
    body = given(asked, {**_WRITTEN, "type": "type", "autoDelete": "auto_delete", "location": "location"})
    if asked.get("datacenter"):
        body["location"] = asked["datacenter"].partition("-")[0]
    if asked.get("assigneeId"):
        body |= {"assignee_id": asked["assigneeId"], "assignee_type": asked["assigneeType"]}
    return body


def _read_primary(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.one("/primary_ips", "primary_ip", id)
    return (id, _primary_facts(found)) if found else None


def _update_primary(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/primary_ips/{segment(id)}"
    if changed(state, asked, "deleteProtection"):
        protect(call, path, delete=asked["deleteProtection"])
    if "assigneeId" in asked and changed(state, asked, "assigneeId"):
        if state.get("assigneeId"):
            act(call, path, "unassign")
        if asked["assigneeId"]:
            act(call, path, "assign", {"assignee_id": asked["assigneeId"], "assignee_type": asked["assigneeType"]})
    put_changed(call, path, state, asked, {**_WRITTEN, "autoDelete": "auto_delete"})
    return _primary_facts(call.session.get(path)["primary_ip"])


def _delete_primary(call: Call, id: str, state: Values) -> None:
    path, server = f"/primary_ips/{segment(id)}", f"/servers/{state.get('assigneeId')}"
    if state.get("assigneeId") and _carries(call, server, id):
        for place, command in ((server, "poweroff"), (path, "unassign"), (server, "poweron")):
            _try(call, place, command)
    retried(call, lambda: call.session.delete(path), when=lambda error: error.code != "protected", tries=10)


def _carries(call: Call, server: str, id: str) -> bool:
    found = call.session.find(server)
    net = found["server"]["public_net"] if found else {}
    return any(str((net.get(family) or {}).get("id")) == id for family in ("ipv4", "ipv6"))


def _try(call: Call, path: str, command: str) -> None:
    """As far as the cloud takes it: the address may have been freed with its server."""
    try:
        act(call, path, command)
    except ApiError as error:
        if error.status == 0:  # taken on and given up: that one counts
            raise


def _primary_facts(found: Values) -> Values:
    network = {"ipNetwork": found["ip"]} if found["type"] == "ipv6" else {}
    told = {name: found[name] for name in ("name", "type")}
    location = found.get("location") or found["datacenter"]["location"]
    datacenter = {"datacenter": found["datacenter"]["name"]} if found.get("datacenter") else {}
    return {
        **told,
        **network,
        **datacenter,
        "ipAddress": found["ip"].partition("/")[0],
        "location": location["name"],
        "assigneeId": found.get("assignee_id") or 0,
        "assigneeType": found["assignee_type"],
        "autoDelete": found["auto_delete"],
        "labels": found.get("labels") or {},
        "deleteProtection": found["protection"]["delete"],
    }


ADDRESS: Mapping[str, Verbs] = {
    "hcloud:index/floatingIp:FloatingIp": Verbs(create=_create, read=_read, update=_update, delete=_delete),
    "hcloud:index/floatingIpAssignment:FloatingIpAssignment": Verbs(
        create=_create_assignment, read=_read_assignment, update=_update_assignment, delete=_delete_assignment
    ),
    "hcloud:index/primaryIp:PrimaryIp": Verbs(
        create=_create_primary, read=_read_primary, update=_update_primary, delete=_delete_primary
    ),
}
