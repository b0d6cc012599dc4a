"""What can be done to a server: power, resize, protect, name, group."""

from __future__ import annotations

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import actions, births, catalog, primary_ips, reverse
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid
from rehearsal.cloud.hetzner.resources import find
from rehearsal.cloud.hetzner.rows import Action, PrimaryIp, Server, Tables
from rehearsal.cloud.ports import PowerAction

routes = Routes()
BACKUP_WINDOW = "22-02"
# path: the command its action has
POWER = {
    "poweron": "start_server",
    "poweroff": "stop_server",
    "shutdown": "shutdown_server",
    "reboot": "reboot_server",
    "reset": "reset_server",
}
# command: what the machine is told in turn, and what the server is then
ORDERS: dict[str, tuple[tuple[PowerAction, ...], str]] = {
    "stop_server": (("power_off",), "off"),
    "shutdown_server": (("shutdown",), "off"),
    "reboot_server": (("reboot",), "running"),
    "reset_server": (("power_off", "power_on"), "running"),
}


@routes.on("POST", "/servers/<int:id>/actions/<any(poweron,poweroff,shutdown,reboot,reset):order>")
def power(call: Call, id: int, order: str) -> Answer:
    """Switch a server."""
    with call.change() as tables:
        find(tables.servers, "server", id)
        action = actions.begin(tables, POWER[order], ("server", id))
        answer = actions.answer(action)
    actions.start(call.cloud, action)
    return answer


@actions.work("stop_server", "shutdown_server", "reboot_server", "reset_server")
def switch(cloud: Cloud, action: Action) -> None:
    """Switch a machine; a server that never ran has none."""
    server, (orders, status) = births.subject(cloud, action), ORDERS[action.command]
    if server.made:
        for order in orders:
            cloud.hypervisor.power(server.id, order)
        with cloud.store.change():
            server.status = status


def _off(tables: Tables, id: int) -> Server:
    server = find(tables.servers, "server", id)
    actions.free(tables, "server", id)
    if server.status != "off":
        raise ApiError("server_not_stopped", "server is not stopped")
    return server


@routes.on("POST", "/servers/<int:id>/actions/change_type")
def change_type(call: Call, id: int) -> Answer:
    """Make a server that is off larger or smaller; a disk that grew does not shrink again."""
    (wanted,) = call.need("server_type")
    with call.change() as tables:
        server, size = _off(tables, id), catalog.server_type(wanted)
        before = catalog.server_type(server.server_type)
        if server.location not in size.sold_in or size.architecture != before.architecture:
            raise ApiError("invalid_server_type", "the server type does not fit for the server")
        if size.disk < server.primary_disk_size:
            raise ApiError("invalid_server_type", "the disk of the server type is too small")
        action = actions.instantly(tables, "change_server_type", ("server", id))
        server.server_type = size.name
        if call.body.get("upgrade_disk"):
            server.primary_disk_size = size.disk
        return actions.answer(action)


@routes.on("POST", "/servers/<int:id>/actions/change_protection")
def protect(call: Call, id: int) -> Answer:
    """Allow or forbid deletion and rebuilding; both at once or not at all."""
    delete, rebuild = call.body.get("delete"), call.body.get("rebuild")
    if delete != rebuild:
        raise invalid("rebuild", "delete and rebuild protection have to be the same")
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        action = actions.instantly(tables, "change_protection", ("server", id))
        server.delete_protected = server.rebuild_protected = bool(delete)
        return actions.answer(action)


@routes.on("POST", "/servers/<int:id>/actions/change_dns_ptr")
def change_dns_ptr(call: Call, id: int) -> Answer:
    """Name one of a server's addresses."""

    def choose(tables: Tables, address: str) -> PrimaryIp | None:
        find(tables.servers, "server", id)
        return primary_ips.of(tables, id, "ipv6" if ":" in address else "ipv4")

    return reverse.change(call, "server", id, choose)


@routes.on("POST", "/servers/<int:id>/actions/<any(enable_backup,disable_backup):order>")
def back_up(call: Call, id: int, order: str) -> Answer:
    """Note that the real cloud would make backups; none are made here."""
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        action = actions.instantly(tables, order, ("server", id))
        server.backup_window = BACKUP_WINDOW if order == "enable_backup" else None
        return actions.answer(action)


@routes.on("POST", "/servers/<int:id>/actions/add_to_placement_group")
def join_group(call: Call, id: int) -> Answer:
    """Put a server that is off into a placement group."""
    (wanted,) = call.need("placement_group")
    with call.change() as tables:
        server = _off(tables, id)
        if server.placement_group is not None:
            raise ApiError("already_in_placement_group", "server is already part of a placement group")
        group = find(tables.placement_groups, "placement group", wanted).id
        action = actions.instantly(tables, "add_to_placement_group", ("server", id))
        server.placement_group = group
        return actions.answer(action)


@routes.on("POST", "/servers/<int:id>/actions/remove_from_placement_group")
def leave_group(call: Call, id: int) -> Answer:
    """Take a server out of its placement group, running or not."""
    with call.change() as tables:
        server = find(tables.servers, "server", id)
        action = actions.instantly(tables, "remove_from_placement_group", ("server", id))
        server.placement_group = None
        return actions.answer(action)
