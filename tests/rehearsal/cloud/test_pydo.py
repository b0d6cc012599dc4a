"""DigitalOcean's own Python client drives a whole site's life."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import KEY

pydo = pytest.importorskip("pydo")
PLAIN = {"enforce_https": False}


@pytest.fixture
def do(api: Client) -> Any:
    """The client."""
    return pydo.Client("local-pydo", endpoint=api.url)


def until(read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Read until it is as wanted."""
    for _ in range(200):
        found = read()
        if holds(found):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def test_a_sites_life(do: Any, cloud: Cloud, paper: PaperHypervisor) -> None:
    """From the first key to nothing left."""
    key = do.ssh_keys.create(body={"name": "k", "public_key": KEY}, **PLAIN)["ssh_key"]
    vpc = do.vpcs.create(body={"name": "site", "region": "fra1"}, **PLAIN)["vpc"]
    body = {
        "name": "web",
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "image": "debian-13-x64",
        "ssh_keys": [key["id"]],
        "vpc_uuid": vpc["id"],
        "tags": ["site"],
    }
    droplet = do.droplets.create(body=body, **PLAIN)["droplet"]
    active = until(lambda: do.droplets.get(droplet["id"], **PLAIN)["droplet"], lambda d: d["status"] == "active")
    assert active["region"]["slug"] == "fra1"
    ip = do.reserved_ips.create(body={"region": "fra1"}, **PLAIN)["reserved_ip"]["ip"]
    body = {"type": "assign", "droplet_id": droplet["id"]}
    action = do.reserved_ips_actions.post(ip, body=body, **PLAIN)["action"]
    until(lambda: do.actions.get(action["id"], **PLAIN)["action"], lambda a: a["status"] == "completed")
    rules = [{"protocol": "tcp", "ports": "443", "sources": {"addresses": ["0.0.0.0/0"]}}]
    wall = do.firewalls.create(body={"name": "fw", "tags": ["site"], "inbound_rules": rules}, **PLAIN)["firewall"]
    body = {"name": "site-db", "engine": "pg", "size": "db-s-1vcpu-1gb", "region": "fra1", "num_nodes": 1}
    cluster = do.databases.create_cluster(body={**body, "private_network_uuid": vpc["id"]}, **PLAIN)["database"]["id"]
    until(lambda: do.databases.get_cluster(cluster, **PLAIN)["database"], lambda d: d["status"] == "online")
    do.databases.add(cluster, body={"name": "site"}, **PLAIN)
    do.databases.add_user(cluster, body={"name": "app"}, **PLAIN)
    rules = [{"type": "tag", "value": "site"}]
    do.databases.update_firewall_rules(cluster, body={"rules": rules}, **PLAIN)
    assert len(do.databases.get_ca(cluster, **PLAIN)["ca"]["certificate"]) > 20
    do.domains.create(body={"name": "example.org"}, **PLAIN)
    record = do.domains.create_record("example.org", body={"type": "A", "name": "@", "data": ip, "ttl": 300}, **PLAIN)
    keys = do.spaces_key.create(body={"name": "k", "grants": []}, **PLAIN)["key"]
    assert (list(paper.firewalls), paper.addresses) == ([droplet["id"]], {ip: droplet["id"]})

    do.spaces_key.delete(keys["access_key"], **PLAIN)
    do.domains.delete_record("example.org", record["domain_record"]["id"], **PLAIN)
    do.databases.destroy_cluster(cluster, **PLAIN)
    do.firewalls.delete(wall["id"], **PLAIN)
    do.droplets.destroy(droplet["id"], **PLAIN)
    assert cloud.settle()
    do.reserved_ips.delete(ip, **PLAIN)
    do.vpcs.delete(vpc["id"], **PLAIN)
    do.ssh_keys.delete(key["id"], **PLAIN)
    assert (paper.machines, paper.clusters, paper.networks, paper.addresses, paper.firewalls) == ({}, {}, {}, {}, {})


def test_errors_reach_the_client(do: Any) -> None:
    """As its own exceptions."""
    with pytest.raises(pydo.exceptions.HttpResponseError) as error:
        do.droplets.create(body={"name": "x", "region": "fra1", "size": "huge", "image": "debian-13-x64"}, **PLAIN)
    assert error.value.status_code == 422
    found = do.droplets.list(**PLAIN)
    assert (found["droplets"], found["meta"]["total"]) == ([], 0)
