"""The rest of the account, and how the API speaks: tokens, pages, headers, refusals, its log."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.api import methods
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.contract import DIGITALOCEAN
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import KEY, ORDER, order


def test_tokens(api: Client) -> None:
    """Only tokens that could not be anybody's real one are taken."""
    for token in ("", "dop_v1_0123456789"):
        stranger = Client(api.url, token=token)
        answer = stranger.raw("GET", "/v2/account")
        assert (answer.status, answer.body["id"]) == (401, "unauthorized")
    assert api("GET", "/account")["account"]["status"] == "active"


def test_unknown_calls_are_loud(api: Client, cloud: Cloud) -> None:
    """501, with what it was, and an event."""
    for method, path in (
        ("GET", "/v2/apps"),
        ("PATCH", "/v2/droplets"),
        ("GET", "/v2/load_balancers"),
        ("GET", "/v3/x"),
    ):
        answer = api.raw(method, path)
        assert (answer.status, answer.body["id"]) == (501, "not_implemented")
        assert f"{method} {path}" in answer.body["message"]
    assert [e["path"] for e in cloud.events if e["event"] == "not built"] == [
        "/v2/apps",
        "/v2/droplets",
        "/v2/load_balancers",
    ]


def test_headers_and_pages(api: Client) -> None:
    """Rate, request id, links to the other pages."""
    answer = api.raw("GET", "/v2/sizes?per_page=3&page=2")
    assert answer.headers["ratelimit-limit"] == "5000"
    assert int(answer.headers["ratelimit-remaining"]) < 5000
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
    pages = answer.body["links"]["pages"]
    assert sorted(pages) == ["first", "last", "next", "prev"]
    assert "page=3" in pages["next"]
    assert len(answer.body["sizes"]) == 3
    missing = api.raw("GET", "/v2/droplets/1")
    assert missing.body["request_id"] == missing.headers["x-request-id"]
    assert api.raw("POST", "/v2/droplets", ["no object"]).status == 400


def test_every_call_is_published() -> None:
    """Nothing is answered that the real API does not have."""
    document = DIGITALOCEAN.document
    if document is None:
        pytest.skip("the published API description is not on this computer")
    known = {(m, re.sub(r"\{[^}]*\}", "<>", path)) for path, about in document["paths"].items() for m in about}
    for method, path in methods():
        wanted = re.sub(r"<[^>]*>", "<>", path)
        assert (method.lower(), wanted) in known, (method, path)


def test_what_can_be_ordered(api: Client) -> None:
    """Regions, sizes, images."""
    assert "fra1" in [region["slug"] for region in api("GET", "/regions")["regions"]]
    assert "s-1vcpu-1gb" in [size["slug"] for size in api("GET", "/sizes")["sizes"]]
    image = api("GET", "/images/debian-13-x64")["image"]
    assert api("GET", f"/images/{image['id']}")["image"]["slug"] == "debian-13-x64"
    assert len(api("GET", "/images?type=distribution")["images"]) >= 3
    assert api("GET", "/images?private=true")["images"] == []


def test_keys(api: Client) -> None:
    """Found by id and by fingerprint, never twice."""
    key = api("POST", "/account/keys", {"name": "me", "public_key": KEY})["ssh_key"]
    assert re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", key["fingerprint"])
    again = api("POST", "/account/keys", {"name": "again", "public_key": KEY}, status=422)
    assert again["message"] == "SSH Key is already in use on your account"
    api("PUT", f"/account/keys/{key['id']}", {"name": "new"})
    assert api("GET", f"/account/keys/{key['fingerprint']}")["ssh_key"]["name"] == "new"
    api("POST", "/account/keys", {"name": "bad", "public_key": "nonsense"}, status=422)
    api("DELETE", f"/account/keys/{key['id']}", status=204)
    assert api("GET", "/account/keys")["ssh_keys"] == []


def test_tags(api: Client) -> None:
    """They count what bears them."""
    droplet = order(api, tags=["site"])
    tag = api("GET", "/tags/site")["tag"]
    assert tag["resources"]["droplets"]["count"] == 1
    assert {"images", "volumes", "volume_snapshots", "databases"} <= set(tag["resources"])
    api("POST", "/tags", {"name": "more"})
    resource = {"resource_id": str(droplet["id"]), "resource_type": "droplet"}
    api("POST", "/tags/more/resources", {"resources": [resource]}, status=204)
    assert [d["tags"] for d in api("GET", "/droplets?tag_name=more")["droplets"]] == [["site", "more"]]
    api("DELETE", "/tags/site", status=204)
    assert api("GET", f"/droplets/{droplet['id']}")["droplet"]["tags"] == ["more"]
    api("POST", "/tags", {"name": "no spaces"}, status=422)


def test_projects(api: Client) -> None:
    """Resources lie in one project; a full one stays."""
    default = api("GET", "/projects/default")["project"]
    project = api("POST", "/projects", {"name": "site", "purpose": "Web Application", "environment": "Staging"})[
        "project"
    ]
    urn = f"do:droplet:{order(api)['id']}"
    done = api("POST", f"/projects/{project['id']}/resources", {"resources": [urn]})["resources"]
    assert [(row["urn"], row["status"]) for row in done] == [(urn, "assigned")]
    api("DELETE", f"/projects/{project['id']}", status=412)
    api("POST", "/projects/default/resources", {"resources": [urn]})
    assert api("GET", f"/projects/{default['id']}/resources")["resources"][0]["urn"] == urn
    api("PATCH", f"/projects/{project['id']}", {"description": "d"})
    api("DELETE", f"/projects/{project['id']}", status=204)
    api("POST", "/projects/default/resources", {"resources": ["do:droplet:1"]}, status=422)


def test_domains(api: Client) -> None:
    """Data without trailing dots; what cannot stand beside each other is refused."""
    api("POST", "/domains", {"name": "example.org", "ip_address": "198.51.100.20"})
    api("POST", "/domains", {"name": "example.org"}, status=422)
    path = "/domains/example.org/records"
    www = api("POST", path, {"type": "CNAME", "name": "www", "data": "example.org.", "ttl": 120})["domain_record"]
    assert (www["data"], www["ttl"]) == ("example.org", 120)
    for wrong in (
        {"type": "A", "name": "www", "data": "198.51.100.20"},
        {"type": "CNAME", "name": "shop", "data": "example.org"},
        {"type": "A", "name": "a", "data": "nonsense"},
        {"type": "A", "name": "a", "data": "198.51.100.20", "ttl": 5},
        {"type": "MX", "name": "@", "data": "mail.example.org."},
        {"type": "CAA", "name": "@", "data": "letsencrypt.org.", "flags": 0},
        {"type": "SRV", "name": "_sip._tcp", "data": "sip.example.org.", "priority": 1, "weight": 2},
        {"type": "SPF", "name": "@", "data": "x"},
    ):
        api("POST", path, wrong, status=422)
    changed = api("PUT", f"{path}/{www['id']}", {"type": "CNAME", "name": "www", "data": "other.org."})["domain_record"]
    assert (changed["data"], changed["ttl"], changed["id"]) == ("other.org", 120, www["id"])
    found = api("GET", f"{path}?name=www.example.org")["domain_records"]
    assert [record["id"] for record in found] == [www["id"]]
    assert "www.example.org. 120 IN CNAME other.org." in api("GET", "/domains/example.org")["domain"]["zone_file"]
    api("DELETE", f"{path}/{www['id']}", status=204)
    api("GET", f"{path}/{www['id']}", status=404)
    api("DELETE", "/domains/example.org", status=204)
    api("GET", path, status=404)


def test_spaces_keys(api: Client) -> None:
    """The secret is in one answer only."""
    key = api("POST", "/spaces/keys", {"name": "k", "grants": [{"bucket": "", "permission": "fullaccess"}]})["key"]
    assert key["secret_key"]
    path = f"/spaces/keys/{key['access_key']}"
    assert "secret_key" not in api("GET", path)["key"]
    limited = api("PUT", path, {"name": "k", "grants": [{"bucket": "b", "permission": "read"}]})["key"]
    assert limited["grants"] == [{"bucket": "b", "permission": "read"}]
    assert [k["name"] for k in api("GET", "/spaces/keys")["keys"]] == ["k"]
    api("POST", "/spaces/keys", {"name": "k", "grants": [{"bucket": "b", "permission": "all"}]}, status=400)
    api("DELETE", path, status=204)
    api("GET", path, status=404)


def test_the_log_has_no_secrets(api: Client, cloud: Cloud) -> None:
    """Every call is in it, with its status; nothing in it opens anything."""
    key = api("POST", "/spaces/keys", {"name": "k"})["key"]
    body: dict[str, Any] = {
        "name": "site-db",
        "engine": "pg",
        "size": "db-s-1vcpu-1gb",
        "region": "fra1",
        "num_nodes": 1,
    }
    database = api("POST", "/databases", body)["database"]
    api("POST", "/droplets", {**ORDER, "user_data": "#cloud-config host-key-inside"})
    api("GET", "/droplets/1", status=404)
    text = (cloud.directory / "requests.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert [(row["method"], row["path"], row["status"]) for row in rows] == [
        ("POST", "/v2/spaces/keys", 201),
        ("POST", "/v2/databases", 201),
        ("POST", "/v2/droplets", 202),
        ("GET", "/v2/droplets/1", 404),
    ]
    for secret in (key["secret_key"], database["connection"]["password"], "host-key-inside", api.token):
        assert secret not in text


def test_admin(api: Client, cloud: Cloud, paper: PaperHypervisor) -> None:
    """Health, state, counters and an inventory to hold a destroy to."""
    order(api, name="slipway-staging-web", tags=["slipway-staging"])
    assert api.raw("GET", "/_cloud/health").body["resources"]["droplets"] == 1
    assert api.raw("GET", "/_cloud/counters").body["api_writes"] == 1
    assert api.raw("POST", "/_cloud/reset-counters").body["before"]["api_writes"] == 1
    assert "api_writes" not in api.raw("GET", "/_cloud/counters").body
    for query in ("tag=slipway-staging", "prefix=slipway-staging"):
        kinds = [row["kind"] for row in api.raw("GET", f"/_cloud/inventory?{query}").body["resources"]]
        assert sorted(kinds) == ["droplets", "tags"]
    assert api.raw("GET", "/_cloud/inventory?prefix=production").body["count"] == 0
    assert api.raw("GET", "/_cloud/dump").body["format"] == 1
    assert [e["event"] for e in api.raw("GET", "/_cloud/events").body["events"]] == ["done"]
    assert api.raw("GET", "/_cloud/buckets/absent/objects").status == 404
    assert api.raw("GET", "/_cloud/nonsense").status == 404
