"""Managed databases: clusters, their databases, users and trusted sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from rehearsal.plugins import names
from rehearsal.plugins.client import ApiError, segment, wait_until
from rehearsal.plugins.digitalocean.droplet import retag
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.stand_in import Call, HalfDone, Verbs
from rehearsal.plugins.state import number
from rehearsal.plugins.wire import Values

_LIMIT = 1800.0
_ELSEWHERE = ("evictionPolicy", "sqlMode", "storageAutoscale")
_SIZED = ("size", "nodeCount", "storageSizeMib")
_BODY = {
    "name": "name",
    "engine": "engine",
    "version": "version",
    "size": "size",
    "region": "region",
    "nodeCount": "num_nodes",
    "privateNetworkUuid": "private_network_uuid",
    "projectId": "project_id",
    "storageSizeMib": "storage_size_mib",
    "tags": "tags",
}


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    _refuse_other_engines(asked)
    body: Values = {theirs: asked[ours] for ours, theirs in _BODY.items() if asked.get(ours) is not None}
    if "storage_size_mib" in body:
        body["storage_size_mib"] = number(body["storage_size_mib"])
    if restore := asked.get("backupRestore"):
        times = {"backup_created_at": restore["backupCreatedAt"]} if restore.get("backupCreatedAt") else {}
        body["backup_restore"] = {"database_name": restore["databaseName"], **times}
    cluster = call.session.post("/v2/databases", body)["database"]
    born = cluster_facts(cluster, {})
    try:
        _wait_online(call, cluster["id"])
        _set_maintenance(call, cluster["id"], asked)
    except Exception as error:
        raise HalfDone(cluster["id"], born, f"DatabaseCluster is not online: {error}") from error
    return cluster["id"], cluster_facts(_cluster(call, cluster["id"]), born)


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/databases/{segment(id)}")
    return (id, cluster_facts(found["database"], state)) if found else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    _refuse_other_engines(asked)
    _wait_online(call, id)  # its birth may have failed half-way
    path = f"/v2/databases/{segment(id)}"
    if body := _resize_body(state, asked):
        call.session.put(f"{path}/resize", body)
        _wait_online(call, id)
    if asked["region"].lower() != state.get("region"):
        call.session.put(f"{path}/migrate", {"region": asked["region"]})
        _wait_online(call, id)
    if asked.get("version") != state.get("version"):
        call.session.put(f"{path}/upgrade", {"version": asked["version"]})
    if asked.get("maintenanceWindows") != (state.get("maintenanceWindows") or None):
        _set_maintenance(call, id, asked)
    retag(call.session, id, "database", old=state.get("tags") or [], new=asked.get("tags") or [])
    return cluster_facts(_cluster(call, id), state)


def _resize_body(state: Values, asked: Values) -> Values:
    """Size and nodes together, when one of the three changed; storage only when it is storage that changed."""
    changed = [name for name in _SIZED if name in asked and str(asked[name]) != str(state.get(name))]
    storage = [name for name in changed if name == "storageSizeMib"]
    return {_BODY[name]: number(asked[name]) for name in ("size", "nodeCount", *storage)} if changed else {}


def _delete(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/databases/{segment(id)}")


def cluster_facts(cluster: Values, known: Values) -> Values:
    """What the state tells of a cluster; the password may be told at birth only, so the known one stays."""
    public, private = cluster.get("connection") or {}, cluster.get("private_connection") or {}
    ui = cluster.get("ui_connection") or {}
    password = public.get("password") or known.get("password") or ""
    window = cluster.get("maintenance_window") or {}
    windows = [{"day": window.get("day"), "hour": window.get("hour")}] if known.get("maintenanceWindows") else []
    return {
        **({"maintenanceWindows": windows} if windows else {}),
        "name": cluster["name"],
        "engine": cluster["engine"],
        "version": cluster["version"],
        "region": cluster["region"],
        "size": cluster["size"],
        "nodeCount": cluster["num_nodes"],
        "storageSizeMib": str(cluster.get("storage_size_mib") or 0),
        "privateNetworkUuid": cluster.get("private_network_uuid") or "",
        "projectId": cluster.get("project_id") or "",
        "tags": cluster.get("tags") or None,
        "clusterUrn": f"do:dbaas:{cluster['id']}",
        "host": public.get("host") or "",
        "port": public.get("port") or 0,
        "database": public.get("database") or "",
        "user": public.get("user") or "",
        "password": password,
        "uri": _uri(public, password),
        "privateHost": private.get("host") or "",
        "privateUri": _uri(private, password),
        "metricsEndpoints": [
            f"https://{at['host']}:{at['port']}/metrics" for at in cluster.get("metrics_endpoints") or []
        ],
        **{f"ui{name.capitalize()}": ui.get(name) for name in ("database", "host", "password", "uri", "user")},
        "uiPort": ui.get("port"),
    }


def _create_db(call: Call, asked: Values) -> tuple[str, Values]:
    call.session.post(f"/v2/databases/{segment(asked['clusterId'])}/dbs", {"name": asked["name"]})
    return f"{asked['clusterId']}/database/{asked['name']}", {}


def _read_db(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    cluster, name = _child(id, state)
    found = call.session.find(f"/v2/databases/{segment(cluster)}/dbs/{segment(name)}")
    return (f"{cluster}/database/{name}", {"clusterId": cluster, "name": name}) if found else None


def _delete_db(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/databases/{segment(state['clusterId'])}/dbs/{segment(state['name'])}")


def _create_user(call: Call, asked: Values) -> tuple[str, Values]:
    if asked.get("settings") or asked.get("mysqlAuthPlugin"):
        raise Refused("databaseUser: settings and mysqlAuthPlugin are of engines this stand-in does not know")
    path = f"/v2/databases/{segment(asked['clusterId'])}/users"
    user = call.session.post(path, {"name": asked["name"]})["user"]
    return f"{asked['clusterId']}/user/{asked['name']}", _user_facts(user, {})


def _read_user(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    cluster, name = _child(id, state)
    found = call.session.find(f"/v2/databases/{segment(cluster)}/users/{segment(name)}")
    if not found:
        return None
    return f"{cluster}/user/{name}", {"clusterId": cluster, "name": name, **_user_facts(found["user"], state)}


def _delete_user(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/databases/{segment(state['clusterId'])}/users/{segment(state['name'])}")


def _user_facts(user: Values, known: Values) -> Values:
    return {
        "role": user.get("role") or "normal",
        "password": user.get("password") or known.get("password") or "",
        "accessCert": user.get("access_cert") or None,
        "accessKey": user.get("access_key") or None,
        "settings": [],
    }


def _create_firewall(call: Call, asked: Values) -> tuple[str, Values]:
    _put_rules(call, asked["clusterId"], asked["rules"])
    return f"{asked['clusterId']}-{names.unique(26)}", {"rules": _rules(call, asked["clusterId"])}


def _read_firewall(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    cluster = state.get("clusterId") or id
    rules = _rules(call, cluster)
    if not rules:
        return None
    return (id if state else f"{cluster}-{names.unique(26)}"), {"clusterId": cluster, "rules": rules}


def _update_firewall(call: Call, id: str, state: Values, asked: Values) -> Values:
    _put_rules(call, asked["clusterId"], asked["rules"])
    return {"rules": _rules(call, asked["clusterId"])}


def _delete_firewall(call: Call, id: str, state: Values) -> None:
    try:
        _put_rules(call, state["clusterId"], [])
    except ApiError as error:
        if error.status != 404:
            raise


def _put_rules(call: Call, cluster: str, rules: list[Any]) -> None:
    fields = ("uuid", "type", "value")
    body = [{name: rule[name] for name in fields if rule.get(name)} for rule in rules]
    call.session.put(f"/v2/databases/{segment(cluster)}/firewall", {"rules": body})


def _rules(call: Call, cluster: str) -> list[Values]:
    found = call.session.find(f"/v2/databases/{segment(cluster)}/firewall") or {}
    return [
        {"type": rule["type"], "value": rule["value"], "uuid": rule["uuid"], "createdAt": rule.get("created_at") or ""}
        for rule in found.get("rules") or []
    ]


def _child(id: str, state: Values) -> tuple[str, str]:
    """Cluster and name: from the state, or from an import's CLUSTER,NAME."""
    if state.get("clusterId"):
        return state["clusterId"], state["name"]
    cluster, _, name = id.partition(",")
    return cluster, name


def _cluster(call: Call, id: str) -> Values:
    found: Values = call.session.get(f"/v2/databases/{segment(id)}")["database"]
    return found


def _wait_online(call: Call, id: str) -> None:
    wait_until(call, lambda: _cluster(call, id)["status"] == "online", what=f"database {id} online", limit=_LIMIT)


def _set_maintenance(call: Call, id: str, asked: Values) -> None:
    for window in asked.get("maintenanceWindows") or []:
        body = {"day": window["day"], "hour": window["hour"]}
        call.session.put(f"/v2/databases/{segment(id)}/maintenance", body)


def _refuse_other_engines(asked: Values) -> None:
    for name in _ELSEWHERE:
        if asked.get(name) is not None:
            raise Refused(f"databaseCluster: {name}: this stand-in does not know it")


def _uri(connection: Values, password: str) -> str:
    """The URI with the password in it, which the cloud may have left out."""
    if not connection.get("uri"):
        return ""
    parts = urlsplit(connection["uri"])
    login = f"{quote(connection['user'], safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{login}@{connection['host']}:{connection['port']}").geturl()


DATABASE: Mapping[str, Verbs] = {
    "digitalocean:index/databaseCluster:DatabaseCluster": Verbs(
        create=_create, read=_read, update=_update, delete=_delete
    ),
    "digitalocean:index/databaseDb:DatabaseDb": Verbs(create=_create_db, read=_read_db, delete=_delete_db),
    "digitalocean:index/databaseUser:DatabaseUser": Verbs(create=_create_user, read=_read_user, delete=_delete_user),
    "digitalocean:index/databaseFirewall:DatabaseFirewall": Verbs(
        create=_create_firewall, read=_read_firewall, update=_update_firewall, delete=_delete_firewall
    ),
}
