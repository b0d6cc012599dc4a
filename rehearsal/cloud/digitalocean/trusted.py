"""Trusted sources of a cluster: who may reach it at all."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from rehearsal.cloud.digitalocean import tags
from rehearsal.cloud.digitalocean.errors import not_built, unprocessable
from rehearsal.cloud.rows import Database, Json
from rehearsal.cloud.store import State, new_uuid, now


def render(cluster: Database) -> list[Json]:
    """Give the API's rules."""
    return [{**rule, "cluster_uuid": cluster.id} for rule in cluster.rules]


def parse(state: State, cluster: str, rules: Iterable[Json], *, known: list[Json]) -> list[Json]:
    """Read rules; those that were there before keep their ids."""
    ids = {(rule["type"], rule["value"]): rule for rule in known}
    wanted = dict.fromkeys((_type(rule), _value(state, rule)) for rule in rules)
    return [ids.get(pair) or _new(*pair) for pair in wanted]


def _new(type: str, value: str) -> Json:
    return {"uuid": new_uuid(), "type": type, "value": value, "created_at": now()}


def _type(rule: Json) -> str:
    type = str(rule.get("type"))
    if type in ("k8s", "app"):
        raise not_built(f"trusted sources of type {type}")
    if type not in ("ip_addr", "droplet", "tag"):
        raise unprocessable(f"invalid rule type {type!r}")
    return type


def _value(state: State, rule: Json) -> str:
    value = str(rule.get("value") or "")
    if rule["type"] == "droplet" and not (value.isdigit() and int(value) in state.droplets):
        raise unprocessable(f"droplet {value} not found")
    if rule["type"] == "tag":
        tags.ensure(state, [value])
    if rule["type"] == "ip_addr":
        _check_address(value)
    return value


def _check_address(value: str) -> None:
    try:
        ip_network(value, strict=False)
    except ValueError:
        raise unprocessable(f"invalid ip address {value!r}") from None
