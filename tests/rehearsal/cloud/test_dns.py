"""The name server, asked by dnslib as a client over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, DNSRecord

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.dns import names
from rehearsal.cloud.dns import server as dns
from rehearsal.cloud.dns.forward import Forwarder
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


class Asker:
    """Asks the server under test."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, name: str, type: str = "A", *, tcp: bool = False) -> Any:
        """Ask one question."""
        raw = DNSRecord.question(name, type).send("127.0.0.1", self.port, tcp=tcp, timeout=5)
        return DNSRecord.parse(raw)

    def data(self, name: str, type: str = "A") -> list[str]:
        """Give only the answers' data."""
        return [str(row.rdata).rstrip(".") for row in self(name, type).rr]


def free_port() -> int:
    """Find a port that is free for both transports."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, suppress(OSError):
            tcp.bind(("127.0.0.1", 0))
            udp.bind(tcp.getsockname())
            return int(tcp.getsockname()[1])


@pytest.fixture
def opened() -> list[str]:
    """What the gate was opened for."""
    return []


@pytest.fixture
def ask(cloud: Cloud, opened: list[str]) -> Iterator[Asker]:
    """The server on loopback."""
    port = free_port()
    forwarder = Forwarder(names=lambda: ["mirror.test", "*.files.test"], resolvers=lambda: [], gate=opened.extend)
    servers = dns.serve(dns.Resolver(cloud, forwarder=forwarder), host="127.0.0.1", port=port)
    yield Asker(port)
    for server in servers:
        server.stop()
        server.server.server_close()


@pytest.fixture
def zone(api: Client) -> str:
    """A zone with a bit of everything."""
    api("POST", "/domains", {"name": "example.org", "ip_address": "198.51.100.20"})
    for record in (
        {"type": "A", "name": "staging", "data": "198.51.100.21", "ttl": 300},
        {"type": "CNAME", "name": "www", "data": "staging.example.org.", "ttl": 60},
        {"type": "CNAME", "name": "shop", "data": "elsewhere.test.", "ttl": 60},
        {"type": "CNAME", "name": "apex", "data": "@"},
        {"type": "MX", "name": "@", "data": "mail.example.org.", "priority": 10},
        {"type": "TXT", "name": "@", "data": "v=spf1 " + "x" * 300},
        {"type": "CAA", "name": "@", "data": "letsencrypt.org.", "flags": 0, "tag": "issue"},
        {"type": "SRV", "name": "_sip._tcp", "data": "sip.example.org.", "priority": 1, "weight": 2, "port": 5060},
        {"type": "A", "name": "*.apps", "data": "198.51.100.22"},
        {"type": "A", "name": "deep.below", "data": "198.51.100.23"},
    ):
        api("POST", "/domains/example.org/records", record)
    return "example.org"


def test_records_are_answered_with_authority(ask: Asker, zone: str) -> None:
    """Over both transports, with the records' own times."""
    for tcp in (False, True):
        found = ask("STAGING.example.org", tcp=tcp)
        assert (found.header.aa, found.header.ra, found.rr[0].ttl, str(found.rr[0].rdata)) == (
            1,
            1,
            300,
            "198.51.100.21",
        )
    assert ask.data("example.org") == ["198.51.100.20"]
    assert ask.data("example.org", "NS") == [f"ns{n}.digitalocean.com" for n in (1, 2, 3)]
    assert ask.data("example.org", "MX") == ["10 mail.example.org"]
    assert ask.data("example.org", "CAA") == ['0 issue "letsencrypt.org"']
    assert ask.data("_sip._tcp.example.org", "SRV") == ["1 2 5060 sip.example.org"]
    assert "x" * 255 not in ask.data("example.org", "TXT")[0]
    assert ask("example.org", "SOA").rr[0].rtype == QTYPE.SOA


def test_aliases_are_followed(ask: Asker, zone: str) -> None:
    """Inside the zone to the end; outside to nothing we know."""
    assert ask.data("www.example.org") == ["staging.example.org", "198.51.100.21"]
    assert ask.data("apex.example.org") == ["example.org", "198.51.100.20"]
    assert ask.data("www.example.org", "CNAME") == ["staging.example.org"]
    found = ask("shop.example.org")
    assert (found.header.rcode, [str(row.rdata) for row in found.rr]) == (RCODE.NXDOMAIN, ["elsewhere.test."])


def test_negative_answers_carry_the_soa(ask: Asker, zone: str) -> None:
    """No such name, no such type, a name with only names below it."""
    for name, type, rcode in (
        ("absent.example.org", "A", RCODE.NXDOMAIN),
        ("staging.example.org", "AAAA", RCODE.NOERROR),
        ("below.example.org", "A", RCODE.NOERROR),
    ):
        found = ask(name, type)
        assert (found.header.rcode, found.header.aa, found.rr, found.auth[0].rtype) == (rcode, 1, [], QTYPE.SOA)


def test_wildcards(ask: Asker, zone: str) -> None:
    """They cover what is not there by itself."""
    assert ask.data("one.apps.example.org") == ["198.51.100.22"]
    assert ask.data("a.b.apps.example.org") == ["198.51.100.22"]
    assert ask("one.other.example.org").header.rcode == RCODE.NXDOMAIN


def test_a_change_is_seen_at_once(ask: Asker, zone: str, api: Client) -> None:
    """There is no copy of the zone; its serial goes up."""
    serial = int(ask.data("example.org", "SOA")[0].split()[2])
    (record,) = api("GET", "/domains/example.org/records?name=staging.example.org&type=A")["domain_records"]
    api("PUT", f"/domains/example.org/records/{record['id']}", {"type": "A", "data": "198.51.100.99"})
    assert ask.data("staging.example.org") == ["198.51.100.99"]
    assert int(ask.data("example.org", "SOA")[0].split()[2]) == serial + 1
    api("DELETE", f"/domains/example.org/records/{record['id']}", status=204)
    assert ask("staging.example.org").header.rcode == RCODE.NXDOMAIN


def test_the_clouds_own_names(ask: Asker) -> None:
    """The services of the internet that the rehearsal plays."""
    assert ask.data("api.digitalocean.com") == ["198.51.100.1"]
    assert ask.data("media.fra1.digitaloceanspaces.com") == ["198.51.100.2"]
    assert ask.data("acme-v02.api.letsencrypt.org") == ["198.51.100.3"]
    assert (ask("api.digitalocean.com", "AAAA").header.rcode, ask.data("api.digitalocean.com", "AAAA")) == (0, [])


def test_names_made_of_addresses(ask: Asker) -> None:
    """Dashed and dotted; never somebody else's address."""
    assert ask.data("198-51-100-128.sslip.io") == ["198.51.100.128"]
    assert ask.data("www.198-51-100-128.sslip.io") == ["198.51.100.128"]
    assert ask.data("app.198.51.100.9.sslip.io") == ["198.51.100.9"]
    for name in ("8-8-8-8.sslip.io", "999-51-100-1.sslip.io", "sslip.io"):
        assert ask(name).header.rcode == RCODE.NXDOMAIN


def test_databases_have_names(ask: Asker, api: Client, paper: PaperHypervisor) -> None:
    """Public and private name lead to the same address, until the cluster is gone."""
    body = {"name": "site-db", "engine": "pg", "size": "db-s-1vcpu-1gb", "region": "fra1", "num_nodes": 1}
    cluster = api("POST", "/databases", body)["database"]
    api.until(f"/databases/{cluster['id']}", lambda found: found["database"]["status"] == "online")
    address = paper.clusters[cluster["id"]].about["host_ip"]
    for kind in ("connection", "private_connection"):
        assert ask.data(cluster[kind]["host"]) == [address]


def test_only_package_sources_are_asked_for_outside(
    ask: Asker, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Allowed names go to the host's resolvers, and the gate opens for what comes back; the rest does not exist."""
    asked: list[str] = []

    def send(question: Any, resolver: str, port: int, *, timeout: float) -> bytes:
        asked.append(str(question.q.qname))
        reply = question.reply()
        reply.add_answer(*names.reply("mirror.test", "A", "198.51.100.200").answers)
        return bytes(reply.pack())

    forwarder = Forwarder(
        names=lambda: ["mirror.test", "*.files.test"], resolvers=lambda: ["198.51.100.77"], gate=opened.extend
    )
    monkeypatch.setattr(DNSRecord, "send", send)
    assert forwarder.allows("mirror.test")
    assert forwarder.allows("a.b.files.test")
    assert not forwarder.allows("files.test.evil")
    assert not forwarder.allows("example.com")
    assert [str(row.rdata) for row in forwarder.ask("mirror.test", "A").answers] == ["198.51.100.200"]
    forwarder.ask("mirror.test", "A")
    assert forwarder.ask("mirror.test", "AAAA").answers == []
    assert (asked, opened) == (["mirror.test.", "mirror.test."], ["198.51.100.200"])


def test_an_unanswered_question_outside_is_a_failure(ask: Asker) -> None:
    """With no resolver to ask: SERVFAIL, not silence; a name that is not allowed: NXDOMAIN."""
    assert ask("mirror.test").header.rcode == RCODE.SERVFAIL
    assert ask("example.com").header.rcode == RCODE.NXDOMAIN
