"""Making and unmaking machines: the work behind servers, on worker threads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.hetzner import actions, catalog, floating_ips, memberships, primary_ips, volume_actions, volumes
from rehearsal.cloud.hetzner.rows import Action, Server, Tables


def notice_stopped(cloud: Cloud) -> None:
    """Mark servers `off` that switched themselves off: no call asked for it, so no action will tell."""
    with cloud.store.lock:
        tables = cloud.store.state.hetzner
        running = [s for s in tables.servers.values() if s.status == "running"]
        idle = [s for s in running if not actions.running(tables, "server", s.id)]
        stopped = [s for s in idle if cloud.hypervisor.machine_state(s.id) == "stopped"]
        for server in stopped:
            server.status = "off"
        if stopped:
            cloud.store.save()


def subject(cloud: Cloud, action: Action) -> Server:
    """Give the server that an action is about."""
    return cloud.store.state.hetzner.servers[actions.subject(action, "server")]


@actions.work("create_server")
def order(cloud: Cloud, action: Action) -> None:
    """Let firewalls know of the server; its machine is made when it is started for the first time."""
    cloud.apply_rules()
    with cloud.store.change():
        subject(cloud, action).status = "off"


@actions.work("start_server")
def start(cloud: Cloud, action: Action) -> None:
    """Start the machine; the first time it is made."""
    server = subject(cloud, action)
    _set(cloud, server, "starting")
    try:
        if server.made:
            cloud.hypervisor.power(server.id, "power_on")
        else:
            _make(cloud, server)
    except Exception:
        _set(cloud, server, "off")
        raise
    _set(cloud, server, "running")


def _set(cloud: Cloud, server: Server, status: str) -> None:
    with cloud.store.change():
        server.status = status


def _make(cloud: Cloud, server: Server) -> None:
    """Make the machine, unless a rule wants something else; a dropped one runs at the API and never answers."""
    fault = cloud.faults.meet("server", "birth", server.name, id=server.id)
    changes = (fault and fault.do == "change" and fault.body) or {}
    work = partial(_create, cloud, server, changes)
    if fault is None or changes:
        work()
    else:
        fault.around(work, refuse=_no_capacity, drop=lambda: None)


def _create(cloud: Cloud, server: Server, changes: Mapping[str, str]) -> None:
    cloud.apply_rules()  # whatever guards it stands before it does
    with cloud.store.read() as state:
        tables = state.hetzner
        public = primary_ips.of(tables, server.id, "ipv4")
        nics = [memberships.nic(tables, net) for net in server.private_net]
    user_data = server.user_data
    for old, new in changes.items():
        user_data = user_data.replace(old, new)
    cloud.hypervisor.create_machine(
        id=server.id,
        name=server.name,
        user_data=user_data,
        public_ip=public.ip if public else None,
        private_ip=None,
        vpc_range=None,
        ssh_keys=list(server.keys),
        region=server.location,
        tags=[],
        memory_mb=catalog.server_type(server.server_type).memory * 1024,
        seed="nocloud",
        nics=nics,
    )
    with cloud.store.change():
        server.made = True
    _give(cloud, server)


def _give(cloud: Cloud, server: Server) -> None:
    """Give a new machine what was assigned to its server before it was there."""
    with cloud.store.read() as state:
        waiting = volumes.on(state.hetzner, server.id)
        floating = [ip for ip in state.hetzner.floating_ips.values() if ip.server == server.id]
    for volume in waiting:
        volume_actions.plug(cloud, volume, server.id)
    for ip in floating:
        floating_ips.route(cloud, ip, server.id)


def _no_capacity(fault: Fault) -> None:
    raise RuntimeError("error during placement: refused by a fault")


@actions.work("delete_server")
def unmake(cloud: Cloud, action: Action) -> None:
    """Destroy a machine; its volumes and floating addresses stay, and belong to nobody."""
    server = cloud.store.state.hetzner.servers.get(actions.subject(action, "server"))
    if server is None:
        return
    with cloud.store.read() as state:
        held = volumes.on(state.hetzner, server.id)
        floating = [ip for ip in state.hetzner.floating_ips.values() if ip.server == server.id]
    for ip in floating:
        floating_ips.route(cloud, ip, None)
    work = partial(cloud.hypervisor.destroy_machine, server.id)
    cloud.faults.around(("server", "death", server.name), work, refuse=_no_capacity, id=server.id)
    for volume in held:
        volume_actions.unplug(cloud, volume)
    with cloud.store.change() as state:
        _forget(state.hetzner, server)
    cloud.apply_rules()


def _forget(tables: Tables, server: Server) -> None:
    tables.servers.pop(server.id, None)
    for floating in tables.floating_ips.values():
        floating.server = None if floating.server == server.id else floating.server
    for primary in [ip for ip in tables.primary_ips.values() if ip.assignee_id == server.id]:
        primary.assignee_id = None
        if primary.auto_delete:
            del tables.primary_ips[primary.id]
    for wall in tables.firewalls.values():
        wall.servers = [id for id in wall.servers if id != server.id]
