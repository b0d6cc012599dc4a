"""Firewalls, and to what they apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.diff import same_items
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.hcloud.actions import act, exists_as, given, put_changed, retried, said, settle
from rehearsal.plugins.hcloud.rules import networks
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_WRITTEN = {"name": "name", "labels": "labels"}
_RULE = {"direction": "direction", "protocol": "protocol", "port": "port", "description": "description"}
_RANGES = {"sourceIps": "source_ips", "destinationIps": "destination_ips"}
_TRIES = 10


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    body = given(asked, _WRITTEN)
    if asked.get("rules"):
        body["rules"] = [_rule(rule) for rule in asked["rules"]]
    if asked.get("applyTos"):
        body["apply_to"] = [_target(target) for target in asked["applyTos"]]
    answer = call.session.post("/firewalls", body)
    id = str(answer["firewall"]["id"])
    with exists_as(id):
        settle(call, *(answer.get("actions") or ()))
        return id, _facts(call.session.get(f"/firewalls/{id}")["firewall"])


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    firewall = call.session.one("/firewalls", "firewall", id)
    return (id, _facts(firewall)) if firewall else None


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/firewalls/{segment(id)}"
    put_changed(call, path, state, asked, {name: theirs for name, theirs in _WRITTEN.items() if name in asked})
    firewall = call.session.get(path)["firewall"]
    wanted, held = ([_rule(rule) for rule in told.get("rules") or ()] for told in (asked, _facts(firewall)))
    if wanted and not same_items(wanted, held):  # as with the official plugin, the last rule cannot be taken away
        act(call, path, "set_rules", {"rules": wanted})
    if asked.get("applyTos"):
        _apply(call, path, firewall, [_target(target) for target in asked["applyTos"]])
    return _facts(call.session.get(path)["firewall"])


def _delete(call: Call, id: str, state: Values) -> None:
    path = f"/firewalls/{segment(id)}"
    firewall = call.session.one("/firewalls", "firewall", id)
    if not firewall:
        return
    if firewall["applied_to"]:
        _remove(call, path, _targets(firewall))
    retried(call, lambda: call.session.delete(path), when=said("conflict", "resource_in_use"), tries=_TRIES)


def _rule(rule: Values) -> Values:
    ranges = {theirs: networks(rule[ours]) for ours, theirs in _RANGES.items() if rule.get(ours)}
    return {theirs: rule[ours] for ours, theirs in _RULE.items() if rule.get(ours)} | ranges


def _facts(firewall: Values) -> Values:
    return {
        "name": firewall["name"],
        "labels": firewall.get("labels") or {},
        "rules": [_rule_facts(rule) for rule in firewall.get("rules") or ()],
        "applyTos": [_target_facts(target) for target in _targets(firewall)],
    }


def _rule_facts(rule: Values) -> Values:
    texts = {ours: rule.get(theirs) or "" for ours, theirs in _RULE.items()}
    return texts | {ours: rule.get(theirs) or [] for ours, theirs in _RANGES.items()}


def _target(asked: Values) -> Values:
    if selector := asked.get("labelSelector"):
        return _by_label(selector)
    if server := asked.get("server"):
        return _by_server(server)
    raise Refused("applyTos: each should name a labelSelector or a server")


def _by_label(selector: str) -> Values:
    return {"type": "label_selector", "label_selector": {"selector": selector}}


def _by_server(server: Any) -> Values:
    return {"type": "server", "server": {"id": int(server)}}


def _targets(firewall: Values) -> list[Values]:
    """To what the firewall applies, in the words in which it is told: the servers a selector finds left out."""
    return [
        _by_label(found["label_selector"]["selector"])
        if found["type"] == "label_selector"
        else _by_server(found["server"]["id"])
        for found in firewall.get("applied_to") or ()
    ]


def _target_facts(target: Values) -> Values:
    if target["type"] == "server":
        return {"server": target["server"]["id"]}
    return {"labelSelector": target["label_selector"]["selector"]}


def _apply(call: Call, path: str, firewall: Values, wanted: list[Values]) -> None:
    """Make the firewall apply to exactly this."""
    held = _targets(firewall)
    if gone := [target for target in held if target not in wanted]:
        _remove(call, path, gone)
    if come := [target for target in wanted if target not in held]:
        act(call, path, "apply_to_resources", {"apply_to": come})


def _remove(call: Call, path: str, targets: list[Values]) -> None:
    try:
        act(call, path, "remove_from_resources", {"remove_from": targets})
    except ApiError as error:
        if error.code not in ("firewall_resource_not_found", "not_found"):
            raise


def _wanted(asked: Values) -> list[Values]:
    servers = [_by_server(server) for server in sorted(map(int, asked.get("serverIds") or ()))]
    targets = [*servers, *(_by_label(selector) for selector in sorted(asked.get("labelSelectors") or ()))]
    if not targets:
        raise Refused("serverIds, labelSelectors: no resources referenced")
    return targets


def _create_attachment(call: Call, asked: Values) -> tuple[str, Values]:
    id, targets = str(asked["firewallId"]), _wanted(asked)
    try:
        act(call, f"/firewalls/{id}", "apply_to_resources", {"apply_to": targets})
    except ApiError as error:
        if error.code != "firewall_already_applied":
            raise
    return id, _attached(call, id) or {}


def _read_attachment(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _attached(call, id)
    return (id, facts) if facts else None


def _update_attachment(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/firewalls/{segment(id)}"
    _apply(call, path, call.session.get(path)["firewall"], _wanted(asked))
    return _attached(call, id) or {}


def _delete_attachment(call: Call, id: str, state: Values) -> None:
    act(call, f"/firewalls/{segment(id)}", "remove_from_resources", {"remove_from": _wanted(state)})


def _attached(call: Call, id: str) -> Values | None:
    firewall = call.session.one("/firewalls", "firewall", id)
    if not firewall:
        return None
    targets = [_target_facts(target) for target in _targets(firewall)]
    servers = [target["server"] for target in targets if "server" in target]
    selectors = [target["labelSelector"] for target in targets if "labelSelector" in target]
    return {"firewallId": firewall["id"], "serverIds": servers or None, "labelSelectors": selectors or None}


FIREWALL: Mapping[str, Verbs] = {
    "hcloud:index/firewall:Firewall": Verbs(create=_create, read=_read, update=_update, delete=_delete),
    "hcloud:index/firewallAttachment:FirewallAttachment": Verbs(
        create=_create_attachment, read=_read_attachment, update=_update_attachment, delete=_delete_attachment
    ),
}
