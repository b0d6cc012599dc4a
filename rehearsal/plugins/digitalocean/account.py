"""SSH keys, tags, projects and Spaces keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.client import segment
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_COUNTED = ("droplets", "images", "volumes", "databases")


def _create_key(call: Call, asked: Values) -> tuple[str, Values]:
    body = {"name": asked["name"], "public_key": asked["publicKey"]}
    key = call.session.post("/v2/account/keys", body)["ssh_key"]
    return str(key["id"]), _key_facts(key)


def _read_key(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/account/keys/{segment(id)}")
    return (str(found["ssh_key"]["id"]), _key_facts(found["ssh_key"])) if found else None


def _update_key(call: Call, id: str, state: Values, asked: Values) -> Values:
    return _key_facts(call.session.put(f"/v2/account/keys/{segment(id)}", {"name": asked["name"]})["ssh_key"])


def _delete_key(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/account/keys/{segment(id)}")


def _key_facts(key: Values) -> Values:
    return {"name": key["name"], "publicKey": key["public_key"].strip(), "fingerprint": key["fingerprint"]}


def _create_tag(call: Call, asked: Values) -> tuple[str, Values]:
    call.session.post("/v2/tags", {"name": asked["name"]})
    return asked["name"], tag_facts(call.session, asked["name"]) or {}


def _read_tag(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = tag_facts(call.session, id)
    return (id, facts) if facts else None


def _delete_tag(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/tags/{segment(id)}")


def tag_facts(cloud: Cloud, name: str) -> Values | None:
    """A tag and how much carries it."""
    found = cloud.find(f"/v2/tags/{segment(name)}")
    if not found:
        return None
    tagged = found["tag"]["resources"]
    counts = {f"{what}Count": tagged[what]["count"] for what in _COUNTED}
    snapshots = (tagged.get("volume_snapshots") or {}).get("count", 0)
    return {"name": name, "totalResourceCount": tagged["count"], "volumeSnapshotsCount": snapshots, **counts}


def _create_project(call: Call, asked: Values) -> tuple[str, Values]:
    project = call.session.post("/v2/projects", _project_body(asked))["project"]
    if asked["isDefault"]:
        call.session.patch(f"/v2/projects/{project['id']}", {"is_default": True})
    _move(call.session, project["id"], asked.get("resources") or [])
    return project["id"], _project(call.session, project["id"]) or {}


def _read_project(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _project(call.session, id)
    return (id, facts) if facts else None


def _update_project(call: Call, id: str, state: Values, asked: Values) -> Values:
    call.session.patch(f"/v2/projects/{segment(id)}", {**_project_body(asked), "is_default": asked["isDefault"]})
    if "resources" in asked:
        _move(call.session, "default", [urn for urn in state.get("resources") or [] if urn not in asked["resources"]])
        _move(call.session, id, asked["resources"])
    return _project(call.session, id) or {}


def _delete_project(call: Call, id: str, state: Values) -> None:
    _move(call.session, "default", state.get("resources") or [])
    call.session.delete(f"/v2/projects/{segment(id)}")


def _project_body(asked: Values) -> Values:
    texts = ("name", "description", "purpose", "environment")
    return {name: asked[name] for name in texts if asked.get(name) is not None}


def _move(cloud: Cloud, project: str, urns: list[str]) -> None:
    if urns:
        cloud.post(f"/v2/projects/{segment(project)}/resources", {"resources": urns})


def _project(cloud: Cloud, id: str) -> Values | None:
    found = cloud.find(f"/v2/projects/{segment(id)}")
    return project_facts(cloud, found["project"]) if found else None


def project_facts(cloud: Cloud, project: Values) -> Values:
    """A project and the URNs of what lies in it."""
    rows = cloud.list(f"/v2/projects/{segment(project['id'])}/resources", "resources")
    return {
        "name": project["name"],
        "description": project.get("description") or None,
        "purpose": str(project.get("purpose", "")).removeprefix("Other: "),
        "environment": project.get("environment") or None,
        "isDefault": bool(project.get("is_default")),
        "ownerId": project.get("owner_id"),
        "ownerUuid": project.get("owner_uuid"),
        "createdAt": project.get("created_at"),
        "updatedAt": project.get("updated_at"),
        "resources": [row["urn"] for row in rows],
    }


def _create_spaces_key(call: Call, asked: Values) -> tuple[str, Values]:
    key = call.session.post("/v2/spaces/keys", _spaces_key_body(asked))["key"]
    return key["access_key"], {**_spaces_key_facts(key), "secretKey": key["secret_key"]}


def _read_spaces_key(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/spaces/keys/{segment(id)}")
    return (id, _spaces_key_facts(found["key"])) if found else None


def _update_spaces_key(call: Call, id: str, state: Values, asked: Values) -> Values:
    return _spaces_key_facts(call.session.put(f"/v2/spaces/keys/{segment(id)}", _spaces_key_body(asked))["key"])


def _delete_spaces_key(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/spaces/keys/{segment(id)}")


def _spaces_key_body(asked: Values) -> Values:
    return {"name": asked["name"], "grants": asked.get("grants") or []}


def _spaces_key_facts(key: Values) -> Values:
    grants: list[Any] = [{name: grant.get(name) or "" for name in ("bucket", "permission")} for grant in key["grants"]]
    return {"name": key["name"], "accessKey": key["access_key"], "createdAt": key["created_at"], "grants": grants}


ACCOUNT: Mapping[str, Verbs] = {
    "digitalocean:index/sshKey:SshKey": Verbs(
        create=_create_key, read=_read_key, update=_update_key, delete=_delete_key
    ),
    "digitalocean:index/tag:Tag": Verbs(create=_create_tag, read=_read_tag, delete=_delete_tag),
    "digitalocean:index/project:Project": Verbs(
        create=_create_project, read=_read_project, update=_update_project, delete=_delete_project
    ),
    "digitalocean:index/spacesKey:SpacesKey": Verbs(
        create=_create_spaces_key, read=_read_spaces_key, update=_update_spaces_key, delete=_delete_spaces_key
    ),
}
