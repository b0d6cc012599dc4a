"""Firewalls."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins.client import segment
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_SIDES = {
    "source": ("inboundRules", "inbound_rules", "sources"),
    "destination": ("outboundRules", "outbound_rules", "destinations"),
}
_ENDS = {
    "Addresses": "addresses",
    "Tags": "tags",
    "DropletIds": "droplet_ids",
    "LoadBalancerUids": "load_balancer_uids",
    "KubernetesIds": "kubernetes_ids",
}


def _create_firewall(call: Call, asked: Values) -> tuple[str, Values]:
    id = call.session.post("/v2/firewalls", _firewall_body(asked))["firewall"]["id"]
    return id, _told(call, id)


def _read_firewall(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/firewalls/{segment(id)}")
    return (id, _firewall_facts(found["firewall"])) if found else None


def _update_firewall(call: Call, id: str, state: Values, asked: Values) -> Values:
    call.session.put(f"/v2/firewalls/{segment(id)}", _firewall_body(asked))
    return _told(call, id)


def _told(call: Call, id: str) -> Values:
    """What the cloud says after a change; its answer to the change itself came before the rules were in force."""
    return _firewall_facts(call.session.get(f"/v2/firewalls/{segment(id)}")["firewall"])


def _delete_firewall(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/firewalls/{segment(id)}")


def _firewall_body(asked: Values) -> Values:
    body: Values = {
        "name": asked["name"],
        "droplet_ids": [int(droplet) for droplet in asked.get("dropletIds") or []],
        "tags": asked.get("tags") or [],
    }
    for prefix, (ours, theirs, ends) in _SIDES.items():
        body[theirs] = [_rule_body(rule, prefix, ends) for rule in asked.get(ours) or []]
    return body


def _rule_body(rule: Values, prefix: str, ends: str) -> Values:
    ports = rule.get("portRange") or ("0" if rule["protocol"] == "icmp" else "")
    far = {theirs: rule[f"{prefix}{ours}"] for ours, theirs in _ENDS.items() if rule.get(f"{prefix}{ours}")}
    return {"protocol": rule["protocol"], "ports": "0" if ports == "all" else ports, ends: far}


def _firewall_facts(firewall: Values) -> Values:
    pending = [
        {"dropletId": row["droplet_id"], "removing": row["removing"], "status": row["status"]}
        for row in firewall.get("pending_changes") or []
    ]
    rules = {
        ours: [_rule_facts(rule, prefix, ends) for rule in firewall.get(theirs) or []]
        for prefix, (ours, theirs, ends) in _SIDES.items()
    }
    return {
        **rules,
        "name": firewall["name"],
        "status": firewall["status"],
        "createdAt": firewall["created_at"],
        "pendingChanges": pending,
        "dropletIds": firewall.get("droplet_ids") or None,
        "tags": firewall.get("tags") or None,
    }


def _rule_facts(rule: Values, prefix: str, ends: str) -> Values:
    far = rule.get(ends) or {}
    ports = str(rule.get("ports") or "")
    if ports == "0":
        ports = "" if rule["protocol"] == "icmp" else "all"
    return {
        "protocol": rule["protocol"],
        "portRange": ports,
        **{f"{prefix}{ours}": far.get(theirs) or [] for ours, theirs in _ENDS.items()},
    }


FIREWALL: Mapping[str, Verbs] = {
    "digitalocean:index/firewall:Firewall": Verbs(
        create=_create_firewall, read=_read_firewall, update=_update_firewall, delete=_delete_firewall
    ),
}
