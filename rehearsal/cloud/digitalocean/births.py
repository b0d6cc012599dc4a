"""Making and unmaking machines: the work behind droplets, on worker threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import actions, catalog
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.rows import Action, Droplet, Vpc
from rehearsal.cloud.store import State


def notice_stopped(cloud: Cloud) -> None:
    """Mark machines `off` that switched themselves off: no call asked for it, so no action will tell."""
    with cloud.store.lock:
        running = [d for d in cloud.store.state.droplets.values() if d.status == "active" and not d.locked]
        stopped = [d for d in running if cloud.hypervisor.machine_state(d.id) == "stopped"]
        for droplet in stopped:
            droplet.status = "off"
        if stopped:
            cloud.store.save()


@contextmanager
def finishing(cloud: Cloud, droplet: Droplet, action: Action) -> Iterator[None]:
    """Unlock the droplet and end its action, whichever way the work goes."""
    failed = True
    try:
        yield
        failed = False
    finally:
        with cloud.store.change():
            droplet.locked = False
            actions.end(action, failed=failed)


def make(cloud: Cloud, droplet: Droplet, action: Action) -> None:
    """Bring an ordered droplet to life: network and firewall first, then the machine."""
    vpc = cloud.store.state.vpcs[droplet.vpc_uuid]
    with finishing(cloud, droplet, action), _vanishing(cloud, droplet):
        cloud.wire(vpc)
        cloud.apply_rules()
        _start(cloud, droplet, vpc)
        with cloud.store.change():
            droplet.status = "active"


def _start(cloud: Cloud, droplet: Droplet, vpc: Vpc) -> None:
    """Start the machine, unless a rule wants something else; a dropped one is active at the API and never answers."""
    fault = cloud.faults.meet("droplet", "birth", droplet.name, id=droplet.id)
    changes = (fault and fault.do == "change" and fault.body) or {}
    work = partial(_create, cloud, droplet, vpc, changes)
    if fault is None or changes:
        work()
    else:
        fault.around(work, refuse=_no_capacity, drop=lambda: None)


def _create(cloud: Cloud, droplet: Droplet, vpc: Vpc, changes: Mapping[str, str]) -> None:
    user_data = droplet.user_data
    for old, new in changes.items():
        user_data = user_data.replace(old, new)
    cloud.hypervisor.create_machine(
        id=droplet.id,
        name=droplet.name,
        user_data=user_data,
        public_ip=droplet.public_ip,
        private_ip=droplet.private_ip,
        vpc_range=vpc.ip_range,
        ssh_keys=list(droplet.keys),
        region=droplet.region,
        tags=list(droplet.tags),
        memory_mb=catalog.SIZES[droplet.size].memory,
    )


def _no_capacity(fault: Fault) -> None:
    raise RuntimeError("no capacity: refused by a fault")


@contextmanager
def _vanishing(cloud: Cloud, droplet: Droplet) -> Iterator[None]:
    """Take back an order that could not be filled: as on the real cloud, the droplet is simply gone."""
    try:
        yield
    except Exception:
        cloud.hypervisor.destroy_machine(droplet.id)
        with cloud.store.change() as state:
            _forget(state, droplet)
        raise


def unmake(cloud: Cloud, droplet: Droplet, action: Action) -> None:
    """Destroy a machine; its reserved addresses stay, assigned to nobody."""
    with finishing(cloud, droplet, action):
        with cloud.store.read() as state:
            addresses = [ip.ip for ip in state.reserved_ips.values() if ip.droplet_id == droplet.id]
        for address in addresses:
            cloud.hypervisor.assign_address(address, None)
        work = partial(cloud.hypervisor.destroy_machine, droplet.id)
        cloud.faults.around(("droplet", "death", droplet.name), work, refuse=_no_capacity, id=droplet.id)
        with cloud.store.change() as state:
            _forget(state, droplet)
        cloud.apply_rules()


def _forget(state: State, droplet: Droplet) -> None:
    state.droplets.pop(droplet.id, None)
    state.filed.pop(f"do:droplet:{droplet.id}", None)
    for ip in state.reserved_ips.values():
        if ip.droplet_id == droplet.id:
            ip.droplet_id = None
    for wall in state.firewalls.values():
        wall.droplet_ids = [id for id in wall.droplet_ids if id != droplet.id]
    for cluster in state.databases.values():
        cluster.rules = [r for r in cluster.rules if (r["type"], r["value"]) != ("droplet", str(droplet.id))]
