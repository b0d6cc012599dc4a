"""The stand-in of the plugin on the judged cloud: what it sends and what it is told are as published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.plugins.digitalocean.table import RESOURCES
from rehearsal.plugins.protos import provider_pb2
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import KEY
from tests.rehearsal.plugins.engine import Engine
from tests.rehearsal.plugins.plugin import started, values

SPACES = "digitalocean:index/spacesBucket:SpacesBucket"  # lives behind S3, not behind this API


@pytest.fixture
def engine(api: Client) -> Iterator[Engine]:
    """The stand-in as a process, at work on the judged cloud."""
    place = {"DIGITALOCEAN_TOKEN": "local-test", "DIGITALOCEAN_API_URL": api.url}
    with started("resource-digitalocean", environment=place) as plugin:
        plugin.provider.Configure(provider_pb2.ConfigureRequest(args=values({}), acceptSecrets=True))
        yield Engine(plugin.provider, "digitalocean")


def test_a_site_is_made_changed_and_destroyed(
    engine: Engine, judge: Judge, cloud: Cloud, paper: PaperHypervisor
) -> None:
    """Every resource type of the stand-in's table that lives behind this API."""
    key, vpc = engine.create("SshKey", publicKey=KEY), engine.create("Vpc", region="fra1")
    tag, zone = engine.create("Tag", name="site"), engine.create("Domain", name="example.org")
    web: dict[str, Any] = {
        "image": "debian-13-x64",
        "size": "s-1vcpu-1gb",
        "region": "fra1",
        "sshKeys": [key["fingerprint"]],
        "vpcUuid": vpc["id"],
        "tags": [tag["name"]],
        "userData": "#cloud-config",
        "monitoring": True,
    }
    droplet, address = engine.create("Droplet", **web), engine.create("ReservedIp", region="fra1")
    engine.create("ReservedIpAssignment", ipAddress=address["ipAddress"], dropletId=int(droplet["id"]))
    rule = {"protocol": "tcp", "portRange": "443", "sourceAddresses": ["0.0.0.0/0", "::/0"]}
    engine.create("Firewall", tags=["site"], inboundRules=[rule, {**rule, "protocol": "icmp", "portRange": None}])
    record = {"domain": zone["name"], "type": "A", "name": "www", "value": address["ipAddress"]}
    engine.create("DnsRecord", **record, ttl=300)
    order = {"engine": "pg", "version": "17", "region": "fra1", "privateNetworkUuid": vpc["id"], "tags": ["site"]}
    cluster = engine.create("DatabaseCluster", **order, name="site-db", size="db-s-1vcpu-1gb", nodeCount=1)
    for name in ("DatabaseDb", "DatabaseUser"):
        engine.create(name, clusterId=cluster["id"], name="site")
    engine.create("DatabaseFirewall", clusterId=cluster["id"], rules=[{"type": "tag", "value": "site"}])
    grant = {"bucket": "media", "permission": "readwrite"}
    engine.create("SpacesKey", grants=[grant])
    engine.create("Project", resources=[], environment="Development")
    assert {type for type, _, _ in engine.made} == set(RESOURCES) - {SPACES}

    assert engine.update("Droplet", **{**web, "size": "s-1vcpu-2gb", "tags": ["site", "more"]})["size"] == "s-1vcpu-2gb"
    bigger = {**order, "name": "site-db", "size": "db-s-1vcpu-2gb", "nodeCount": 2, "tags": []}
    assert engine.update("DatabaseCluster", **bigger)["storageSizeMib"] == "30720"
    assert engine.update("DnsRecord", **{**record, "ttl": 600})["ttl"] == 600
    engine.update("Firewall", tags=["site"], inboundRules=[rule])
    engine.update("DatabaseFirewall", clusterId=cluster["id"], rules=[{"type": "ip_addr", "value": "198.51.100.9"}])
    engine.update("SpacesKey", name="new", grants=[{**grant, "permission": "read"}])
    engine.update("Vpc", region="fra1", name="new", description="d")
    engine.update("SshKey", name="new", publicKey=KEY)
    engine.update("Project", name="new", resources=["do:domain:example.org"])

    engine.delete_all()
    assert cloud.settle()
    left = (paper.machines, paper.clusters, paper.addresses, paper.firewalls, paper.networks)
    assert left == ({}, {}, {}, {}, {})
    assert sum(judge.seen.values()) > 60
