"""Cloud firewalls; every change is applied before it is answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import tags
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import conflict, not_found, unprocessable
from rehearsal.cloud.rows import Firewall, Json
from rehearsal.cloud.store import State, new_uuid, now

routes = Routes()
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]+")
PORTS = re.compile(r"|all|\d{1,5}(-\d{1,5})?")
SIDES = {"inbound_rules": "sources", "outbound_rules": "destinations"}


def _find(state: State, id: str) -> Firewall:
    if id not in state.firewalls:
        raise not_found()
    return state.firewalls[id]


def _render(wall: Firewall) -> Json:
    waiting = [{"droplet_id": id, "removing": False, "status": "waiting"} for id in wall.droplet_ids]
    return {**vars(wall), "pending_changes": waiting if wall.status == "waiting" else []}


@routes.on("GET", "/firewalls")
def list_firewalls(call: Call) -> Answer:
    """List firewalls."""
    with call.read() as state:
        return call.page("firewalls", map(_render, state.firewalls.values()))


@routes.on("POST", "/firewalls")
def create_firewall(call: Call) -> Answer:
    """Make a firewall."""
    (name,) = call.need("name")
    with call.change() as state:
        if any(wall.name == name for wall in state.firewalls.values()):
            raise conflict("duplicate name")
        wall = Firewall(id=new_uuid(), name=name, created_at=now())
        _fill(state, wall, call.body)
        state.firewalls[wall.id] = wall
        answer = _render(wall)
    _apply(call.cloud, wall)
    return 202, {"firewall": answer}


def _fill(state: State, wall: Firewall, body: Json) -> None:
    if not NAME.fullmatch(str(body.get("name") or "")):
        raise unprocessable("name must start with a letter or digit and hold only letters, digits, dots and dashes")
    sides = {side: [_rule(row, ends) for row in body.get(side) or []] for side, ends in SIDES.items()}
    if not any(sides.values()):
        raise unprocessable("must specify at least one rule")
    droplets = _droplets(state, body)
    names = tags.ensure(state, body.get("tags") or [])
    wall.name, wall.droplet_ids, wall.tags = body["name"], droplets, names
    wall.inbound_rules, wall.outbound_rules = sides["inbound_rules"], sides["outbound_rules"]


def _rule(row: Json, ends: str) -> Json:
    protocol, ports = row.get("protocol"), str(row.get("ports") or "")
    if protocol not in ("tcp", "udp", "icmp"):
        raise unprocessable(f"protocol should be tcp, udp or icmp (got {protocol!r})")
    if not PORTS.fullmatch(ports) or (protocol != "icmp" and not ports):
        raise unprocessable(f"ports should be a port, a range or all (got {ports!r})")
    if not any((row.get(ends) or {}).values()):
        raise unprocessable(f"{ends} must be specified")
    shown = "0" if protocol == "icmp" or ports == "all" else ports
    return {"protocol": protocol, "ports": shown, ends: {k: v for k, v in row[ends].items() if v}}


def _droplets(state: State, body: Json) -> list[int]:
    ids = [int(id) for id in body.get("droplet_ids") or []]
    for id in ids:
        if id not in state.droplets:
            raise unprocessable(f"droplet {id} not found")
    return ids


def _apply(cloud: Cloud, wall: Firewall) -> None:
    try:
        cloud.apply_rules()
        status = "succeeded"
    except Exception as error:
        cloud.event("failed", work=f"firewall {wall.name}", cause=str(error))
        status = "failed"
    with cloud.store.change():
        wall.status = status


@routes.on("GET", "/firewalls/<id>")
def read_firewall(call: Call, id: str) -> Answer:
    """Show a firewall."""
    with call.read() as state:
        return 200, {"firewall": _render(_find(state, id))}


def _change(call: Call, id: str, change: Callable[[State, Firewall], None]) -> Firewall:
    with call.change() as state:
        wall = _find(state, id)
        change(state, wall)
    _apply(call.cloud, wall)
    return wall


@routes.on("PUT", "/firewalls/<id>")
def replace_firewall(call: Call, id: str) -> Answer:
    """Replace a firewall's whole definition."""
    wall = _change(call, id, lambda state, wall: _fill(state, wall, call.body))
    return 200, {"firewall": _render(wall)}


@routes.on("DELETE", "/firewalls/<id>")
def delete_firewall(call: Call, id: str) -> Answer:
    """Delete a firewall; what it guarded alone is open."""
    with call.change() as state:
        del state.firewalls[_find(state, id).id]
    call.cloud.apply_rules()
    return DONE


@routes.on("POST", "/firewalls/<id>/droplets")
def add_droplets(call: Call, id: str) -> Answer:
    """Put droplets behind a firewall."""

    def change(state: State, wall: Firewall) -> None:
        wall.droplet_ids = list(dict.fromkeys([*wall.droplet_ids, *_droplets(state, call.body)]))

    _change(call, id, change)
    return DONE


@routes.on("DELETE", "/firewalls/<id>/droplets")
def remove_droplets(call: Call, id: str) -> Answer:
    """Take droplets out from behind a firewall."""

    def change(state: State, wall: Firewall) -> None:
        wall.droplet_ids = [id for id in wall.droplet_ids if id not in (call.body.get("droplet_ids") or [])]

    _change(call, id, change)
    return DONE


@routes.on("POST", "/firewalls/<id>/tags")
def add_tags(call: Call, id: str) -> Answer:
    """Put everything with these tags behind a firewall."""

    def change(state: State, wall: Firewall) -> None:
        wall.tags = list(dict.fromkeys([*wall.tags, *tags.ensure(state, call.body.get("tags") or [])]))

    _change(call, id, change)
    return DONE


@routes.on("DELETE", "/firewalls/<id>/tags")
def remove_tags(call: Call, id: str) -> Answer:
    """Let go of tags."""

    def change(state: State, wall: Firewall) -> None:
        wall.tags = [tag for tag in wall.tags if tag not in (call.body.get("tags") or [])]

    _change(call, id, change)
    return DONE


@routes.on("POST", "/firewalls/<id>/rules")
def add_rules(call: Call, id: str) -> Answer:
    """Add rules."""

    def change(state: State, wall: Firewall) -> None:
        for side, ends in SIDES.items():
            rows = getattr(wall, side)
            rows += [rule for row in call.body.get(side) or [] if (rule := _rule(row, ends)) not in rows]

    _change(call, id, change)
    return DONE


@routes.on("DELETE", "/firewalls/<id>/rules")
def remove_rules(call: Call, id: str) -> Answer:
    """Remove rules."""

    def change(state: State, wall: Firewall) -> None:
        for side, ends in SIDES.items():
            gone = [_rule(row, ends) for row in call.body.get(side) or []]
            setattr(wall, side, [row for row in getattr(wall, side) if row not in gone])

    _change(call, id, change)
    return DONE
