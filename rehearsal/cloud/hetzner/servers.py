"""Servers: found, shown, renamed, deleted."""

from __future__ import annotations

from typing import Any

from rehearsal.cloud.hetzner import actions, births, catalog, paging, placement_groups, primary_ips, reverse, rules
from rehearsal.cloud.hetzner import volumes as disks
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import protected
from rehearsal.cloud.hetzner.resources import common, find, update
from rehearsal.cloud.hetzner.rows import Server, Tables
from rehearsal.cloud.rows import Json

routes = Routes()
TRAFFIC = 20 * 1024**4


def render(tables: Tables, server: Server) -> Json:
    """Give the API's object of a server."""
    group = tables.placement_groups.get(server.placement_group or 0)
    return {
        **common(server),
        "status": server.status,
        "public_net": _public(tables, server),
        "private_net": server.private_net,
        "server_type": catalog.server_type(server.server_type).render(),
        "location": catalog.LOCATIONS[server.location].render(),
        "image": catalog.IMAGES[server.image].render(),
        "iso": None,
        "rescue_enabled": False,
        "locked": actions.running(tables, "server", server.id),
        "backup_window": server.backup_window,
        "outgoing_traffic": None,
        "ingoing_traffic": None,
        "included_traffic": TRAFFIC,
        "protection": {"delete": server.delete_protected, "rebuild": server.rebuild_protected},
        "volumes": [volume.id for volume in disks.on(tables, server.id)],
        "load_balancers": [],
        "primary_disk_size": server.primary_disk_size,
        "placement_group": placement_groups.render(tables, group) if group else None,
    }


def _public(tables: Tables, server: Server) -> Json:
    v4, v6 = (primary_ips.of(tables, server.id, type) for type in ("ipv4", "ipv6"))
    blocked = {"blocked": False}
    return {
        "ipv4": {"id": v4.id, "ip": v4.ip, **blocked, "dns_ptr": reverse.name(v4)} if v4 else None,
        "ipv6": {"id": v6.id, "ip": v6.ip, **blocked, "dns_ptr": reverse.names(v6)} if v6 else None,
        "floating_ips": [ip.id for ip in tables.floating_ips.values() if ip.server == server.id],
        "firewalls": [{"id": wall.id, "status": "applied"} for wall in rules.of(tables, server)],
    }


@routes.on("GET", "/servers")
def list_servers(call: Call) -> Answer:
    """List servers."""
    births.notice_stopped(call.cloud)
    wanted = call.query.getlist("status")
    with call.read() as tables:
        found = [server for server in tables.servers.values() if not wanted or server.status in wanted]
        return paging.listing(call, "servers", found, lambda row: render(tables, row))


@routes.on("GET", "/servers/<int:id>")
def read_server(call: Call, id: int) -> Answer:
    """Show a server."""
    births.notice_stopped(call.cloud)
    with call.read() as tables:
        return 200, {"server": render(tables, find(tables.servers, "server", id))}


@routes.on("PUT", "/servers/<int:id>")
def change_server(call: Call, id: int) -> Answer:
    """Rename or label a server; labels decide which firewalls it has."""
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        update(tables.servers, "server", server, call.body)
        answer: tuple[int, Any] = 200, {"server": render(tables, server)}
    call.cloud.apply_rules()
    return answer


@routes.on("DELETE", "/servers/<int:id>")
def delete_server(call: Call, id: int) -> Answer:
    """Delete a server."""
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        if server.delete_protected:
            raise protected("server")
        action = actions.begin(tables, "delete_server", ("server", id))
        server.doomed, server.status = True, "deleting"
        answer = {"action": actions.render(action)}
    actions.start(call.cloud, action)
    return 200, answer
