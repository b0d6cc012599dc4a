"""The DigitalOcean stand-in over the wire: gRPC on one side, HTTP on the other."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from rehearsal.plugins.protos import grpc, provider_pb2, status_pb2
from rehearsal.plugins.wire import Secret, decode
from tests.rehearsal.plugins.conftest import TOKEN
from tests.rehearsal.plugins.plugin import FakeApi, Plugin, message, started, urn, values

KEY = "digitalocean:index/sshKey:SshKey"
DROPLET = "digitalocean:index/droplet:Droplet"
FIREWALL = "digitalocean:index/firewall:Firewall"
VPC = "digitalocean:index/vpc:Vpc"
REFUSED = "should lie in the rehearsal (got 192.0.2.7, which is 192.0.2.7)"
BIRTH = {
    "id": 7,
    "name": "web-1",
    "region": {"slug": "fra1"},
    "size": {"slug": "s-1vcpu-1gb", "price_hourly": 0.01, "price_monthly": 6.0},
    "image": {"id": 1, "slug": "debian-13-x64"},
    "disk": 25,
    "vcpus": 1,
    "memory": 1024,
    "status": "new",
    "locked": True,
    "created_at": "2026-01-01T00:00:00Z",
    "features": ["monitoring"],
    "tags": ["b", "a"],
    "vpc_uuid": "v",
    "volume_ids": [],
    "networks": {
        "v4": [
            {"type": "private", "ip_address": "10.110.0.2"},
            {"type": "public", "ip_address": "198.51.100.16"},
            {"type": "public", "ip_address": "198.51.100.128"},
        ]
    },
}
RUNNING = {**BIRTH, "status": "active", "locked": False}


def _configure(plugin: Plugin, **settings: Any) -> None:
    plugin.provider.Configure(provider_pb2.ConfigureRequest(args=values(settings)))


def test_says_the_version_that_the_sdk_asks_for(plugin: Plugin) -> None:
    from importlib.metadata import version

    from rehearsal.plugins.protos import Empty

    assert plugin.provider.GetPluginInfo(Empty()).version == version("pulumi-digitalocean")


def test_refuses_a_cloud_outside(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _configure(plugin, apiEndpoint="https://192.0.2.7")
    assert message(error).startswith(f"digitalocean: apiEndpoint: {REFUSED}")
    assert "install the official ones" in message(error)


def test_refuses_the_real_cloud_without_asking_for_its_address() -> None:
    with started("resource-digitalocean", environment={**TOKEN, "DIGITALOCEAN_API_URL": ""}) as plugin:
        with pytest.raises(grpc.RpcError) as error:
            _configure(plugin)
        assert message(error).startswith("digitalocean: apiEndpoint: should lie in the rehearsal (DIGITALOCEAN_API_URL")


def test_has_no_schema_and_says_the_way_out(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as error:
        plugin.provider.GetSchema(provider_pb2.GetSchemaRequest())
    assert "import with --generate-code=false" in message(error)


@pytest.mark.parametrize(("token", "got"), [("dop_v1_0", "another one"), ("", "none")])
def test_refuses_a_real_token_and_does_not_print_it(token: str, got: str) -> None:
    place = {"DIGITALOCEAN_API_URL": "http://127.0.0.1:1", "DIGITALOCEAN_TOKEN": token}
    with started("resource-digitalocean", environment=place) as plugin:
        with pytest.raises(grpc.RpcError) as error:
            _configure(plugin)
        assert message(error).startswith(f"digitalocean: token: should start with local- (got {got})")


def test_refuses_what_it_does_not_know_by_name(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        provider.Check(provider_pb2.CheckRequest(urn=urn("digitalocean:index/app:App"), news=values({})))
    assert "digitalocean:index/app:App: this stand-in of the digitalocean plugin does not know it" in message(error)
    with pytest.raises(grpc.RpcError) as error:
        provider.Invoke(provider_pb2.InvokeRequest(tok="digitalocean:index/getApp:getApp"))
    assert "getApp: this stand-in" in message(error)


def test_names_what_is_wrong_with_the_inputs(provider: Any) -> None:
    news = values({"image": "debian-13-x64", "sise": "s-1vcpu-1gb", "tags": "web"})
    failures = provider.Check(provider_pb2.CheckRequest(urn=urn(DROPLET), news=news)).failures
    assert sorted(failure.reason for failure in failures) == [
        "sise: is not an input this stand-in knows, did you mean size?",
        "size: is required",
        "tags: should be of type set (got 'web')",
    ]


def test_keeps_an_automatic_name_and_makes_a_new_one_for_a_replacement(provider: Any) -> None:
    def name(seed: bytes, olds: dict[str, Any]) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn(VPC), news=values({"region": "fra1"}), olds=values(olds), randomSeed=seed
        )
        return decode(provider.Check(request).inputs)

    first = name(b"one", {})
    assert name(b"two", first)["name"] == first["name"]
    assert name(b"two", {})["name"] not in ("", first["name"])


def test_creates_waits_and_tells(provider: Any, api: FakeApi) -> None:
    api.tells("POST", "/v2/droplets", {"droplet": BIRTH}, status=202)
    api.tells("GET", "/v2/droplets/7", {"droplet": BIRTH}, {"droplet": RUNNING})
    inputs = {
        "name": "web-1",
        "image": "debian-13-x64",
        "size": "s-1vcpu-1gb",
        "region": "FRA1",
        "userData": Secret("#cloud-config"),
        "sshKeys": ["12", "aa:bb"],
        "tags": ["a", "b"],
    }
    made = provider.Create(provider_pb2.CreateRequest(urn=urn(DROPLET), properties=values(inputs)))
    state = decode(made.properties)
    sent = next(body for method, path, body in api.calls if method == "POST")
    assert (made.id, state["id"], state["region"], state["status"]) == ("7", "7", "fra1", "active")
    assert (state["ipv4Address"], state["ipv4AddressPrivate"]) == ("198.51.100.16", "10.110.0.2")
    assert state["userData"] == Secret(hashlib.sha1(b"#cloud-config").hexdigest())
    assert (sent["ssh_keys"], sent["user_data"]) == ([12, "aa:bb"], "#cloud-config")


def test_a_birth_that_fails_half_way_is_kept(provider: Any, api: FakeApi) -> None:
    api.tells("POST", "/v2/droplets", {"droplet": BIRTH}, status=202)
    api.tells("GET", "/v2/droplets/7", {"id": "broken", "message": "broken"}, status=422)
    inputs = {"name": "web-1", "image": "debian-13-x64", "size": "s-1vcpu-1gb"}
    with pytest.raises(grpc.RpcError) as error:
        provider.Create(provider_pb2.CreateRequest(urn=urn(DROPLET), properties=values(inputs)))
    assert "waiting for droplet (7) to become ready" in message(error)
    packed = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(detail)
    assert (detail.id, decode(detail.properties)["name"]) == ("7", "web-1")


def test_what_is_gone_reads_as_gone(provider: Any) -> None:
    answer = provider.Read(provider_pb2.ReadRequest(id="9", urn=urn(KEY), properties=values({"name": "n"})))
    assert (answer.id, len(answer.properties.fields)) == ("", 0)


def test_a_droplet_deleted_by_hand_needs_a_refresh_first(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        provider.Delete(provider_pb2.DeleteRequest(id="9", urn=urn(DROPLET), properties=values({})))
    assert message(error).endswith("destroy (9): unexpected state 'Not Found'")


def test_a_read_keeps_inputs_that_still_hold_and_tells_the_others(provider: Any, api: FakeApi) -> None:
    api.tells("GET", "/v2/droplets/7", {"droplet": {**RUNNING, "name": "renamed"}})
    inputs = {"name": "web-1", "size": "S-1VCPU-1GB", "tags": ["a", "b"], "image": "debian-13-x64", "__defaults": []}
    state = {"name": "web-1", "size": "s-1vcpu-1gb", "tags": ["a", "b"], "image": "debian-13-x64"}
    answer = provider.Read(
        provider_pb2.ReadRequest(id="7", urn=urn(DROPLET), inputs=values(inputs), properties=values(state))
    )
    assert decode(answer.inputs) == {k: v for k, v in inputs.items() if k != "__defaults"} | {"name": "renamed"}
    assert decode(answer.properties)["tags"] == ["a", "b"]


def test_imports(provider: Any, api: FakeApi) -> None:
    api.tells("GET", "/v2/droplets/7", {"droplet": RUNNING})
    found = decode(provider.Read(provider_pb2.ReadRequest(id="7", urn=urn(DROPLET))).inputs)
    assert {name: found[name] for name in ("name", "image", "size", "monitoring")} == {
        "name": "web-1",
        "image": "debian-13-x64",
        "size": "s-1vcpu-1gb",
        "monitoring": True,
    }


def test_an_explicit_name_means_delete_first(provider: Any) -> None:
    def delete_first(defaults: list[str]) -> bool:
        news = {"name": "n", "region": "ams3", "__defaults": defaults}
        olds = {"name": "n", "region": "fra1"}
        answer = provider.Diff(provider_pb2.DiffRequest(urn=urn(VPC), olds=values(olds), news=values(news)))
        assert list(answer.replaces) == ["region"]
        return bool(answer.deleteBeforeReplace)

    assert delete_first([])
    assert not delete_first(["name"])


def test_rules_without_an_order_come_and_go_as_a_whole(provider: Any) -> None:
    def rule(port: str, *sources: str) -> dict[str, Any]:
        return {"protocol": "tcp", "portRange": port, "sourceAddresses": list(sources), "__defaults": []}

    held = {"name": "n", "inboundRules": [rule("443", "::/0"), rule("22", "::/0"), rule("80", "::/0")]}
    news = {"name": "n", "inboundRules": [rule("22", "192.0.2.1"), rule("80", "::/0"), rule("443", "::/0")]}
    answer = provider.Diff(provider_pb2.DiffRequest(urn=urn(FIREWALL), olds=values(held), news=values(news)))
    kinds = {path: provider_pb2.PropertyDiff.Kind.Name(found.kind) for path, found in answer.detailedDiff.items()}
    assert kinds == {"inboundRules[0]": "ADD", "inboundRules[1]": "DELETE"}


def test_asks_again_after_429_and_503(provider: Any, api: FakeApi) -> None:
    left = [429, 503, 201]
    key = {"id": 1, "name": "n", "public_key": "ssh-ed25519 A", "fingerprint": "aa"}
    api.on("POST", "/v2/account/keys", lambda match, body: (left.pop(0), {"ssh_key": key}))
    inputs = {"name": "n", "publicKey": "ssh-ed25519 A\n"}
    made = provider.Create(provider_pb2.CreateRequest(urn=urn(KEY), properties=values(inputs)))
    assert (made.id, left, decode(made.properties)["publicKey"]) == ("1", [], "ssh-ed25519 A")


def test_gives_up_after_as_many_times_as_it_is_told(api: FakeApi) -> None:
    from tests.rehearsal.plugins.plugin import served

    api.tells("POST", "/v2/tags", {"id": "server_error", "message": "busy"}, status=500)
    with served(api) as url:
        place = {**TOKEN, "DIGITALOCEAN_API_URL": url, "DIGITALOCEAN_HTTP_RETRY_MAX": "1"}
        with started("resource-digitalocean", environment=place) as plugin:
            _configure(plugin)
            request = provider_pb2.CreateRequest(
                urn=urn("digitalocean:index/tag:Tag"), properties=values({"name": "web"})
            )
            with pytest.raises(grpc.RpcError) as error:
                plugin.provider.Create(request)
    assert message(error) == f"POST {url}/v2/tags: 500 busy"
    assert len(api.calls) == 2


def test_follows_the_pages_of_a_list_and_filters_it(provider: Any, api: FakeApi) -> None:
    def row(number: int, kind: str) -> dict[str, Any]:
        return {"id": number, "type": kind, "name": "@", "data": "ns1.example.net", "ttl": 60, "priority": None}

    more = {"pages": {"next": "http://somewhere"}}
    pages = [
        {"domain_records": [row(1, "NS")], "links": more},
        {"domain_records": [row(2, "A")], "links": {}},
    ]
    api.tells("GET", "/v2/domains/example.org/records", *pages)
    asked = {"domain": "example.org", "filters": [{"key": "type", "values": ["NS"]}]}
    answer = provider.Invoke(
        provider_pb2.InvokeRequest(tok="digitalocean:index/getRecords:getRecords", args=values(asked))
    )
    records = decode(getattr(answer, "return"))["records"]
    assert [(record["id"], record["priority"]) for record in records] == [(1, 0)]
    assert len(api.calls) == 2
