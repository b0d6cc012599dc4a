"""SSH keys and placement groups."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins.client import segment
from rehearsal.plugins.hcloud.actions import exists_as, given, put_changed, settle
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_NAMED = {"name": "name", "labels": "labels"}


def _create_key(call: Call, asked: Values) -> tuple[str, Values]:
    body = given(asked, {**_NAMED, "publicKey": "public_key"})
    key = call.session.post("/ssh_keys", body)["ssh_key"]
    return str(key["id"]), _key_facts(key)


def _read_key(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    key = call.session.one("/ssh_keys", "ssh_key", id)
    return (id, _key_facts(key)) if key else None


def _update_key(call: Call, id: str, state: Values, asked: Values) -> Values:
    put_changed(call, f"/ssh_keys/{segment(id)}", state, asked, _NAMED)
    return _key_facts(call.session.get(f"/ssh_keys/{segment(id)}")["ssh_key"])


def _delete_key(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/ssh_keys/{segment(id)}")


def _key_facts(key: Values) -> Values:
    told = {name: key[name] for name in ("name", "fingerprint")}
    return {**told, "publicKey": key["public_key"], "labels": key.get("labels") or {}}


def _create_group(call: Call, asked: Values) -> tuple[str, Values]:
    answer = call.session.post("/placement_groups", given(asked, {**_NAMED, "type": "type"}))
    id = str(answer["placement_group"]["id"])
    with exists_as(id):
        settle(call, answer.get("action"))
        return id, _group_facts(call.session.get(f"/placement_groups/{id}")["placement_group"])


def _read_group(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    group = call.session.one("/placement_groups", "placement_group", id)
    return (id, _group_facts(group)) if group else None


def _update_group(call: Call, id: str, state: Values, asked: Values) -> Values:
    put_changed(call, f"/placement_groups/{segment(id)}", state, asked, _NAMED)
    return _group_facts(call.session.get(f"/placement_groups/{segment(id)}")["placement_group"])


def _delete_group(call: Call, id: str, state: Values) -> None:
    """One that is gone is an error here, as it is with the official plugin: `--refresh` gets over it."""
    call.session.delete(f"/placement_groups/{segment(id)}", gone_is_fine=False)


def _group_facts(group: Values) -> Values:
    return {name: group[name] for name in ("name", "type", "labels", "servers")}


ACCOUNT: Mapping[str, Verbs] = {
    "hcloud:index/sshKey:SshKey": Verbs(create=_create_key, read=_read_key, update=_update_key, delete=_delete_key),
    "hcloud:index/placementGroup:PlacementGroup": Verbs(
        create=_create_group, read=_read_group, update=_update_group, delete=_delete_group
    ),
}
