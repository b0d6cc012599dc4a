"""Cloud firewalls: for servers by their id or their labels, on the public interface only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Any

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, labels, paging, rules
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, in_use, invalid
from rehearsal.cloud.hetzner.resources import check_name, common, find, update
from rehearsal.cloud.hetzner.rows import Action, Firewall, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
PORT = re.compile(r"any|\d{1,5}(-\d{1,5})?")
MOST_RULES = 50


def render(tables: Tables, wall: Firewall) -> Json:
    """Give the API's object of a firewall."""
    return {**common(wall), "rules": wall.rules, "applied_to": _applied(tables, wall)}


def _applied(tables: Tables, wall: Firewall) -> list[Json]:
    chosen = [
        {
            "type": "label_selector",
            "label_selector": {"selector": selector},
            "applied_to_resources": _chosen(tables, selector),
        }
        for selector in wall.selectors
    ]
    return [*map(_server, wall.servers), *chosen]


def _server(id: int) -> Json:
    return {"type": "server", "server": {"id": id}}


def _chosen(tables: Tables, selector: str) -> list[Json]:
    return [_server(each.id) for each in tables.servers.values() if labels.matches(selector, each.labels)]


@routes.on("GET", "/firewalls")
def list_firewalls(call: Call) -> Answer:
    """List firewalls."""
    with call.read() as tables:
        return paging.listing(call, "firewalls", tables.firewalls.values(), lambda row: render(tables, row))


@routes.on("POST", "/firewalls")
def create_firewall(call: Call) -> Answer:
    """Make a firewall, and put it before servers."""
    (name,) = call.need("name")
    with call.change() as tables:
        wall = Firewall(
            id=tables.next_id("firewall"),
            name=check_name(tables.firewalls, "firewall", name),
            created=now(),
            labels=labels.check(call.body.get("labels")),
            rules=_rules(call.body.get("rules") or []),
        )
        _extend(tables, wall, call.body.get("apply_to") or [])
        tables.firewalls[wall.id] = wall
        begun = _begin(tables, wall, "set_firewall_rules", *_applications(wall, "apply_firewall"))
        answer = {"firewall": render(tables, wall), "actions": [actions.render(action) for action in begun]}
    actions.start(call.cloud, *begun)
    return 201, answer


def _applications(wall: Firewall, command: str) -> list[str]:
    return [command] * (len(wall.servers) + len(wall.selectors))


def _begin(tables: Tables, wall: Firewall, *commands: str) -> list[Action]:
    return [actions.begin(tables, command, ("firewall", wall.id)) for command in commands]


def _rules(given: Any) -> list[Json]:
    if not isinstance(given, list) or len(given) > MOST_RULES:
        raise invalid("rules", f"must be a list of {MOST_RULES} rules at most")
    return [_rule(row) for row in given]


def _rule(row: Json) -> Json:
    direction, protocol, port = row.get("direction"), row.get("protocol"), row.get("port")
    if direction not in ("in", "out"):
        raise invalid("rules.direction", "must be in or out")
    if protocol not in rules.PROTOCOLS:
        raise invalid("rules.protocol", f"must be one of {', '.join(rules.PROTOCOLS)}")
    if (protocol in ("tcp", "udp")) != bool(port) or not PORT.fullmatch(port or "any"):
        raise invalid("rules.port", "must be a port, a range or any for tcp and udp, and absent else")
    used, other = ("source_ips", "destination_ips") if direction == "in" else ("destination_ips", "source_ips")
    if not row.get(used) or row.get(other):
        raise invalid(f"rules.{used}", f"must name ranges for direction {direction}, and {other} none")
    about = {"direction": direction, "protocol": protocol, "port": port, "description": row.get("description")}
    return {**about, used: [_range(text, used) for text in row[used]], other: []}


def _range(text: str, field: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise invalid(f"rules.{field}", f"{text} is not a valid CIDR block") from None


def _extend(tables: Tables, wall: Firewall, given: Iterable[Json]) -> None:
    """Put a firewall before more servers; once is enough."""
    servers, selectors = _named(tables, given)
    if set(servers) & set(wall.servers) or set(selectors) & set(wall.selectors):
        raise ApiError("firewall_already_applied", "firewall is already applied to the resource")
    wall.servers, wall.selectors = wall.servers + servers, wall.selectors + selectors


def _reduce(tables: Tables, wall: Firewall, given: Iterable[Json]) -> None:
    servers, selectors = _named(tables, given)
    managed = [id for id in servers if id not in wall.servers and wall in rules.of(tables, tables.servers[id])]
    if managed:
        raise ApiError("firewall_managed_by_label_selector", "firewall was applied via label selector")
    wall.servers = [id for id in wall.servers if id not in servers]
    wall.selectors = [selector for selector in wall.selectors if selector not in selectors]


def _named(tables: Tables, given: Iterable[Json]) -> tuple[list[int], list[str]]:
    servers: list[int] = []
    selectors: list[str] = []
    for row in given:
        if row.get("type") == "label_selector":
            selectors.append(labels.check_selector(str((row.get("label_selector") or {}).get("selector"))))
        elif row.get("type") == "server":
            servers.append(_existing(tables, (row.get("server") or {}).get("id")))
        else:
            raise invalid("apply_to.type", "must be server or label_selector")
    return list(dict.fromkeys(servers)), list(dict.fromkeys(selectors))


def _existing(tables: Tables, id: Any) -> int:
    if id not in tables.servers:
        raise ApiError("firewall_resource_not_found", f"server {id} not found")
    if not any(ip.assignee_id == id for ip in tables.primary_ips.values()):
        raise ApiError("private_net_only_server", "the server has no public network interface")
    return int(id)


@actions.work("set_firewall_rules", "apply_firewall", "remove_firewall")
def apply(cloud: Cloud, action: Action) -> None:
    """Give the computer below all rules as they are now."""
    cloud.apply_rules()


@routes.on("GET", "/firewalls/<int:id>")
def read_firewall(call: Call, id: int) -> Answer:
    """Show a firewall."""
    with call.read() as tables:
        return 200, {"firewall": render(tables, find(tables.firewalls, "firewall", id))}


@routes.on("PUT", "/firewalls/<int:id>")
def change_firewall(call: Call, id: int) -> Answer:
    """Rename or label a firewall."""
    with call.change() as tables:
        wall = find(tables.firewalls, "firewall", id)
        update(tables.firewalls, "firewall", wall, call.body)
        return 200, {"firewall": render(tables, wall)}


@routes.on("DELETE", "/firewalls/<int:id>")
def delete_firewall(call: Call, id: int) -> Answer:
    """Delete a firewall that guards nothing."""
    with call.change() as tables:
        wall = find(tables.firewalls, "firewall", id)
        if wall.servers or wall.selectors:
            raise in_use("firewall")
        del tables.firewalls[id]
    return DONE


@routes.on("POST", "/firewalls/<int:id>/actions/set_rules")
def set_rules(call: Call, id: int) -> Answer:
    """Replace all rules; none lets nothing in."""

    def change(tables: Tables, wall: Firewall) -> list[str]:
        wall.rules = _rules(call.body.get("rules") or [])
        return ["set_firewall_rules", *_applications(wall, "apply_firewall")]

    return _act(call, id, change)


@routes.on("POST", "/firewalls/<int:id>/actions/apply_to_resources")
def apply_to_resources(call: Call, id: int) -> Answer:
    """Put a firewall before more servers."""
    (given,) = call.need("apply_to")

    def change(tables: Tables, wall: Firewall) -> list[str]:
        _extend(tables, wall, given)
        return ["apply_firewall"] * len(given)

    return _act(call, id, change)


@routes.on("POST", "/firewalls/<int:id>/actions/remove_from_resources")
def remove_from_resources(call: Call, id: int) -> Answer:
    """Take a firewall away from servers."""
    (given,) = call.need("remove_from")

    def change(tables: Tables, wall: Firewall) -> list[str]:
        _reduce(tables, wall, given)
        return ["remove_firewall"] * len(given)

    return _act(call, id, change)


def _act(call: Call, id: int, change: Callable[[Tables, Firewall], list[str]]) -> Answer:
    with call.change() as tables:
        wall = find(tables.firewalls, "firewall", id)
        begun = _begin(tables, wall, *change(tables, wall))
        answer = {"actions": [actions.render(action) for action in begun]}
    actions.start(call.cloud, *begun)
    return 201, answer
