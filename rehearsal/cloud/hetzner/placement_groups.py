"""Placement groups: which servers shall not share a host; here all share one."""

from __future__ import annotations

from rehearsal.cloud.hetzner import labels, paging
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.hetzner.resources import check_name, common, find, update
from rehearsal.cloud.hetzner.rows import PlacementGroup, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
KIND = "placement group"
MOST_SERVERS = 10


def render(tables: Tables, group: PlacementGroup) -> Json:
    """Give the API's object of a group."""
    return {**common(group), "type": group.type, "servers": members(tables, group.id)}


def members(tables: Tables, id: int) -> list[int]:
    """List the servers of a group."""
    return [server.id for server in tables.servers.values() if server.placement_group == id]


@routes.on("GET", "/placement_groups")
def list_groups(call: Call) -> Answer:
    """List groups."""
    with call.read() as tables:
        rows = tables.placement_groups.values()
        return paging.listing(call, "placement_groups", rows, lambda row: render(tables, row))


@routes.on("POST", "/placement_groups")
def create_group(call: Call) -> Answer:
    """Make a group."""
    name, type = call.need("name", "type")
    if type != "spread":
        raise invalid("type", "must be spread")
    with call.change() as tables:
        group = PlacementGroup(
            id=tables.next_id("placement_group"),
            name=check_name(tables.placement_groups, KIND, name),
            created=now(),
            labels=labels.check(call.body.get("labels")),
        )
        tables.placement_groups[group.id] = group
        return 201, {"placement_group": render(tables, group), "action": None}


@routes.on("GET", "/placement_groups/<int:id>")
def read_group(call: Call, id: int) -> Answer:
    """Show a group."""
    with call.read() as tables:
        return 200, {"placement_group": render(tables, find(tables.placement_groups, KIND, id))}


@routes.on("PUT", "/placement_groups/<int:id>")
def change_group(call: Call, id: int) -> Answer:
    """Rename or label a group."""
    with call.change() as tables:
        group = find(tables.placement_groups, KIND, id)
        update(tables.placement_groups, KIND, group, call.body)
        return 200, {"placement_group": render(tables, group)}


@routes.on("DELETE", "/placement_groups/<int:id>")
def delete_group(call: Call, id: int) -> Answer:
    """Delete a group; its servers stay."""
    with call.change() as tables:
        find(tables.placement_groups, KIND, id)
        for server in tables.servers.values():
            server.placement_group = None if server.placement_group == id else server.placement_group
        del tables.placement_groups[id]
        return DONE
