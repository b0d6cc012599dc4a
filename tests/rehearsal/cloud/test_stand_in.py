"""The stand-in of the plugin on the judged cloud: what it sends and what it is told are as published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.plugins.digitalocean.table import RESOURCES
from rehearsal.plugins.protos import provider_pb2
from rehearsal.plugins.wire import decode, plain
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import KEY
from tests.rehearsal.plugins.plugin import started, urn, values

Made = tuple[str, str, dict[str, Any]]
SPACES = "digitalocean:index/spacesBucket:SpacesBucket"  # lives behind S3, not behind this API


def token(name: str) -> str:
    """Give the token of a resource type."""
    return f"digitalocean:index/{name[0].lower()}{name[1:]}:{name}"


class Engine:
    """Asks the stand-in as the engine does, without keeping a state."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.made: list[Made] = []

    def create(self, kind: str, /, **inputs: Any) -> Any:
        """Check and create; read at once, which has to find nothing changed."""
        type = token(kind)
        id, state = self._created(type, self._checked(type, inputs, {}))
        self.made.append((type, id, state))
        found = self._provider.Read(provider_pb2.ReadRequest(id=id, urn=urn(type), properties=values(state)))
        assert found.id == id
        return {**state, "id": id}

    def _created(self, type: str, inputs: Any) -> tuple[str, Any]:
        answer = self._provider.Create(provider_pb2.CreateRequest(urn=urn(type), properties=inputs))
        return answer.id, plain(decode(answer.properties))

    def _checked(self, type: str, inputs: dict[str, Any], olds: dict[str, Any]) -> Any:
        request = provider_pb2.CheckRequest(urn=urn(type), news=values(inputs), olds=values(olds), randomSeed=b"seed")
        answer = self._provider.Check(request)
        assert not answer.failures, answer.failures
        return answer.inputs

    def update(self, kind: str, /, **inputs: Any) -> Any:
        """Change the one of its type."""
        number = next(n for n, (type, _, _) in enumerate(self.made) if type == token(kind))
        type, id, state = self.made[number]
        news = self._checked(type, inputs, {})
        request = provider_pb2.UpdateRequest(id=id, urn=urn(type), olds=values(state), news=news)
        self.made[number] = (type, id, plain(decode(self._provider.Update(request).properties)))
        return self.made[number][2]

    def delete_all(self) -> None:
        """Delete everything, the last first."""
        while self.made:
            type, id, state = self.made.pop()
            self._provider.Delete(provider_pb2.DeleteRequest(id=id, urn=urn(type), properties=values(state)))


@pytest.fixture
def engine(api: Client) -> Iterator[Engine]:
    """The stand-in as a process, at work on the judged cloud."""
    place = {"DIGITALOCEAN_TOKEN": "local-test", "DIGITALOCEAN_API_URL": api.url}
    with started("resource-digitalocean", environment=place) as plugin:
        plugin.provider.Configure(provider_pb2.ConfigureRequest(args=values({}), acceptSecrets=True))
        yield Engine(plugin.provider)


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
    engine.create("Project", resources=[])
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
