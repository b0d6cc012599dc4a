"""Zones and their sets of records, at the API and as the name server answers them."""

from __future__ import annotations

from typing import Any

import pytest
from dnslib import RCODE

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.dns.forward import Forwarder
from rehearsal.cloud.dns.server import Resolver
from rehearsal.cloud.store import Store
from tests.rehearsal.cloud.client import Client

ZONE = {"name": "example.org", "mode": "primary"}
RRSETS = "/zones/example.org/rrsets"


@pytest.fixture
def zone(api: Client) -> Any:
    """A zone."""
    return api("POST", "/zones", ZONE, status=201)["zone"]


@pytest.fixture
def resolver(cloud: Cloud) -> Resolver:
    """What answers questions."""
    return Resolver(cloud, forwarder=Forwarder(names=lambda: [], resolvers=lambda: [], gate=lambda names: None))


def _rrset(name: str, type: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "records": [{"value": value} for value in values], **more}


def _answers(resolver: Resolver, name: str, type: str = "A") -> list[tuple[str, int, str]]:
    return [(str(row.rname).rstrip("."), row.ttl, str(row.rdata)) for row in resolver.find(name, type).answers]


def test_a_zone(api: Client, zone: Any) -> None:
    """Found by id and by name, labelled, protected, its name taken only once."""
    assert (zone["status"], zone["record_count"], zone["ttl"]) == ("ok", 4, 3600)
    assert api("GET", f"/zones/{zone['id']}") == api("GET", "/zones/example.org") == {"zone": zone}
    assert api("GET", "/zones?name=example.org")["zones"] == [zone]
    assert api("POST", "/zones", ZONE, status=409)["error"]["code"] == "uniqueness_error"
    assert api("PUT", "/zones/example.org", {"labels": {"a": "b"}})["zone"]["labels"] == {"a": "b"}
    api("POST", "/zones/example.org/actions/change_ttl", {"ttl": 600}, status=201)
    api("POST", "/zones/example.org/actions/change_protection", {"delete": True}, status=201)
    assert api("DELETE", "/zones/example.org", status=423)["error"]["code"] == "protected"
    api("POST", "/zones/example.org/actions/change_protection", {"delete": False}, status=201)
    assert api("DELETE", "/zones/example.org", status=201)["action"]["command"] == "delete_zone"
    for wanted in ("example.org", zone["id"]):
        assert api("GET", f"/zones/{wanted}", status=404)["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**ZONE, "name": "Example.org"}, 422),
        ({**ZONE, "name": "org"}, 422),
        ({**ZONE, "name": "example.org."}, 422),
        ({"name": "example.org"}, 422),
        ({**ZONE, "mode": "tertiary"}, 422),
        ({**ZONE, "ttl": 59}, 422),
        ({**ZONE, "mode": "secondary"}, 501),
        ({**ZONE, "zonefile": "@ IN A 198.51.100.1"}, 501),
    ],
)
def test_what_is_no_zone(api: Client, body: Any, status: int) -> None:
    api("POST", "/zones", body, status=status)
    assert api("GET", "/zones")["zones"] == []


def test_a_set_of_records(api: Client, zone: Any, resolver: Resolver) -> None:
    """Made, changed in every way, and answered at once as it is."""
    made = api("POST", RRSETS, _rrset("www", "A", "198.51.100.20", labels={"site": "x"}), status=201)["rrset"]
    assert (made["id"], made["zone"], made["ttl"], made["protection"]) == ("www/A", zone["id"], None, {"change": False})
    assert _answers(resolver, "www.example.org") == [("www.example.org", 3600, "198.51.100.20")]
    one = f"{RRSETS}/www/A"
    api("POST", f"{one}/actions/change_ttl", {"ttl": 60}, status=201)
    api("POST", f"{one}/actions/set_records", {"records": [{"value": "198.51.100.21", "comment": "b"}]}, status=201)
    api("POST", f"{one}/actions/add_records", {"records": [{"value": "198.51.100.22"}]}, status=201)
    assert [data for _, _, data in _answers(resolver, "www.example.org")] == ["198.51.100.21", "198.51.100.22"]
    api("POST", f"{one}/actions/remove_records", {"records": [{"value": "198.51.100.22"}]}, status=201)
    assert _answers(resolver, "www.example.org") == [("www.example.org", 60, "198.51.100.21")]
    assert api("PUT", one, {"labels": {}})["rrset"]["labels"] == {}
    api("POST", f"{one}/actions/change_protection", {"change": True}, status=201)
    for method, path in (("DELETE", one), ("POST", f"{one}/actions/change_ttl")):
        assert api(method, path, {"ttl": 300}, status=423)["error"]["code"] == "protected"
    api("POST", f"{one}/actions/change_protection", {"change": False}, status=201)
    api("POST", f"{one}/actions/remove_records", {"records": [{"value": "198.51.100.21"}]}, status=201)
    api("GET", one, status=404)
    assert resolver.find("www.example.org", "A").rcode == RCODE.NXDOMAIN


def test_lists(api: Client, zone: Any) -> None:
    """By name, type and label, page by page."""
    api("POST", RRSETS, _rrset("www", "A", "198.51.100.20", labels={"site": "x"}), status=201)
    api("POST", RRSETS, _rrset("www", "AAAA", "2001:db8::1"), status=201)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api("GET", f"{RRSETS}?{query}")["rrsets"]]

    assert ids("sort=id") == ["@/NS", "@/SOA", "www/A", "www/AAAA"]
    assert ids("name=www&type=A") == ["www/A"]
    assert ids("type=A&type=NS&sort=id") == ["@/NS", "www/A"]
    assert ids("label_selector=site%3Dx") == ["www/A"]
    assert ids("sort=id&per_page=3&page=2") == ["www/AAAA"]
    found = api("GET", "/actions?per_page=50")["actions"]
    assert {row["command"] for row in found} == {"create_zone", "create_rrset"}
    assert api("GET", f"/zones/{zone['id']}/actions")["actions"] == found


def test_every_type_is_answered(api: Client, zone: Any, resolver: Resolver) -> None:
    """The apex, relative and full names, texts, a wildcard, an alias within the zone and one to the apex."""
    for row in (
        _rrset("@", "A", "198.51.100.20", ttl=60),
        _rrset("@", "MX", "10 mail", "20 mail.example.net."),
        _rrset("@", "TXT", '"v=spf1 -all"', '"one" "two"'),
        _rrset("@", "CAA", '0 issue "letsencrypt.org"'),
        _rrset("mail", "AAAA", "2001:db8::1"),
        _rrset("_sip._tcp", "SRV", "1 2 5060 mail"),
        _rrset("*.apps", "A", "198.51.100.22"),
        _rrset("www", "CNAME", "example.org."),
        _rrset("short", "CNAME", "mail"),
        _rrset("apex", "CNAME", "@"),
    ):
        api("POST", RRSETS, row, status=201)
    assert _answers(resolver, "example.org") == [("example.org", 60, "198.51.100.20")]
    assert [data for _, _, data in _answers(resolver, "example.org", "MX")] == [
        "10 mail.example.org.",
        "20 mail.example.net.",
    ]
    assert [data for _, _, data in _answers(resolver, "example.org", "TXT")] == ['"v=spf1 -all"', '"one","two"']
    assert _answers(resolver, "example.org", "CAA")[0][2] == '0 issue "letsencrypt.org"'
    assert _answers(resolver, "_sip._tcp.example.org", "SRV")[0][2] == "1 2 5060 mail.example.org."
    assert _answers(resolver, "any.apps.example.org")[0][2] == "198.51.100.22"
    for name in ("www.example.org", "apex.example.org"):
        assert [data for _, _, data in _answers(resolver, name)] == ["example.org.", "198.51.100.20"]
    assert _answers(resolver, "short.example.org", "AAAA")[-1] == ("mail.example.org", 3600, "2001:db8::1")
    assert len(_answers(resolver, "example.org", "NS")) == 3
    (soa,) = resolver.find("nothing.example.org", "A").authority
    assert str(soa.rdata).startswith("hydrogen.ns.hetzner.com. ")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (_rrset("www", "A", "198.51.100"), "records"),
        (_rrset("www", "A", "example.org."), "records"),
        (_rrset("www", "AAAA", "198.51.100.1"), "records"),
        (_rrset("www", "CNAME", "two words"), "records"),
        (_rrset("www", "CNAME", "a.test.", "b.test."), "records"),
        (_rrset("www", "MX", "mail"), "records"),
        (_rrset("www", "SRV", "1 2 mail"), "records"),
        (_rrset("www", "TXT", "without quotes"), "records"),
        (_rrset("www", "TXT", f'"{"x" * 256}"'), "records"),
        (_rrset("www", "CAA", "0 allow letsencrypt.org"), "records"),
        (_rrset("www", "A", "198.51.100.1", "198.51.100.1"), "records"),
        (_rrset("www", "A"), "records"),
        (_rrset("WWW", "A", "198.51.100.1"), "name"),
        (_rrset("www.", "A", "198.51.100.1"), "name"),
        (_rrset("www", "B", "198.51.100.1"), "type"),
        (_rrset("@", "SOA", "a b 1 2 3 4 5"), "type"),
        (_rrset("www", "A", "198.51.100.1", ttl=59), "ttl"),
        (_rrset("@", "CNAME", "elsewhere.test."), "type"),
        (_rrset("old", "TXT", '"beside an alias"'), "type"),
    ],
)
def test_what_is_no_set_of_records(api: Client, zone: Any, row: Any, field: str) -> None:
    """Refused with the field that is wrong, and nothing is there."""
    api("POST", RRSETS, _rrset("old", "CNAME", "elsewhere.test."), status=201)
    error = api("POST", RRSETS, row, status=422)["error"]
    assert error["code"] == "invalid_input"
    assert [named["name"] for named in error["details"]["fields"]] == [field]
    assert len(api("GET", RRSETS)["rrsets"]) == 3


def test_a_set_is_made_once(api: Client, zone: Any) -> None:
    """A second one is refused; adding makes one where there is none; the zone's own SOA is nobody's to change."""
    api("POST", RRSETS, _rrset("www", "A", "198.51.100.1"), status=201)
    assert api("POST", RRSETS, _rrset("www", "A", "198.51.100.2"), status=409)["error"]["code"] == "uniqueness_error"
    more = {"records": [{"value": "198.51.100.3"}]}
    api("POST", f"{RRSETS}/new/A/actions/add_records", {**more, "ttl": 60}, status=201)
    assert api("GET", f"{RRSETS}/new/A")["rrset"]["ttl"] == 60
    api("POST", f"{RRSETS}/new/A/actions/add_records", {**more, "ttl": 70}, status=422)
    api("POST", f"{RRSETS}/new/A/actions/remove_records", {"records": [{"value": "198.51.100.9"}]}, status=404)
    api("POST", f"{RRSETS}/absent/A/actions/set_records", more, status=404)
    api("DELETE", f"{RRSETS}/@/SOA", status=422)
    api("POST", RRSETS, _rrset("new", "TLSA", "3 1 1 ab"), status=501)


def test_it_survives_a_restart(api: Client, cloud: Cloud, zone: Any) -> None:
    """The rows are in the state's file."""
    api("POST", RRSETS, _rrset("www", "A", "198.51.100.1", ttl=60), status=201)
    again = Store(path=cloud.store.path).state.hetzner
    assert (again.zones, again.rrsets) == (cloud.store.state.hetzner.zones, cloud.store.state.hetzner.rrsets)
