"""After a restart of the daemon: everything that still runs is found again, everything half done is finished."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import addresses, births, cluster_sizes, databases, droplet_actions
from rehearsal.cloud.hetzner import actions as hetzner_actions
from rehearsal.cloud.hetzner import floating_ips
from rehearsal.cloud.rows import Action

Job = tuple[str, Callable[[], None]]


def recover(cloud: Cloud) -> None:
    """Adopt what runs, put networks, rules and addresses back, then finish what was under way."""
    with cloud.store.read() as state:
        hetzner = state.hetzner
        wired = [vpc for vpc in state.vpcs.values() if vpc.wired]
        used = any((state.droplets, state.databases, wired, hetzner.servers, hetzner.volumes, hetzner.networks))
    if not used:
        return
    cloud.hypervisor.adopt()
    with cloud.store.read() as state:
        assigned = [(ip.ip, ip.droplet_id) for ip in state.reserved_ips.values() if ip.droplet_id and not ip.locked]
        lans = list(state.hetzner.networks)
        assigned += floating_ips.routed(state.hetzner)
        jobs = [*_clusters(cloud), *_actions(cloud), *_hetzner(cloud)]
    for lan in lans:
        cloud.hypervisor.create_lan(lan)
    cloud.apply_rules()
    for address, holder in assigned:
        cloud.hypervisor.assign_address(address, holder)
    for title, work in jobs:
        cloud.event("resumed", work=title)
        cloud.start(title, work)


def _clusters(cloud: Cloud) -> list[Job]:
    jobs: list[Job] = []
    for cluster in cloud.store.state.databases.values():
        if cluster.doomed:
            jobs.append((f"destroy database {cluster.id}", partial(databases.unmake, cloud, cluster)))
        elif cluster.status == "creating":
            jobs.append((f"create database {cluster.id}", partial(databases.make, cloud, cluster)))
        elif cluster.status == "resizing":
            jobs.append((f"resize database {cluster.id}", partial(cluster_sizes.resize, cloud, cluster)))
    return jobs


def _actions(cloud: Cloud) -> list[Job]:
    pending = [action for action in cloud.store.state.actions.values() if action.status == "in-progress"]
    return [(f"{action.type} {action.resource_id}", _work(cloud, action)) for action in pending]


def _hetzner(cloud: Cloud) -> list[Job]:
    begun = hetzner_actions.unfinished(cloud.store.state.hetzner)
    return [(hetzner_actions.title(each[0]), partial(hetzner_actions.perform, cloud, *each)) for each in begun]


def _work(cloud: Cloud, action: Action) -> Callable[[], None]:
    state = cloud.store.state
    if action.resource_type == "reserved_ip":
        ip = state.reserved_ips.get(str(IPv4Address(action.resource_id)))
        return partial(addresses.move, cloud, ip, action) if ip else partial(_fail, cloud, action)
    droplet = state.droplets.get(action.resource_id)
    if droplet is None:
        return partial(_fail, cloud, action)
    if action.type == "create":
        return partial(births.make, cloud, droplet, action)
    if action.type == "destroy":
        return partial(births.unmake, cloud, droplet, action)
    return partial(droplet_actions.resume, cloud, droplet, action)


def _fail(cloud: Cloud, action: Action) -> None:
    with cloud.store.change():
        action.status = "errored"
