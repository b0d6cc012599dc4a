"""The Hetzner Cloud stand-in between protocol and HTTP: what it asks, in which order, and how patiently."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.plugins.hcloud import stand_in
from rehearsal.plugins.hcloud.api import configure
from rehearsal.plugins.protos import grpc, provider_pb2, status_pb2
from rehearsal.plugins.wire import UNKNOWN
from tests.rehearsal.plugins.engine import Aborted, Engine, InProcess
from tests.rehearsal.plugins.plugin import FakeApi, message, served, started, urn, values

TOKEN = "local-".ljust(64, "0")
SERVER = "hcloud:index/server:Server"
KEY_ROW = {"id": 3, "name": "k", "public_key": "ssh-ed25519 A", "fingerprint": "aa", "labels": {}}
BIRTH = {
    "id": 7,
    "name": "web-1",
    "status": "running",
    "location": {"name": "fsn1"},
    "server_type": {"name": "cx23"},
    "image": {"id": 114, "name": "debian-13"},
    "labels": {"app": "x"},
    "protection": {"delete": False, "rebuild": False},
    "backup_window": None,
    "primary_disk_size": 40,
    "placement_group": None,
    "private_net": [{"network": 5, "ip": "10.0.1.3", "alias_ips": [], "mac_address": "86:00:00:00:00:01"}],
    "public_net": {
        "ipv4": {"id": 1, "ip": "198.51.100.16", "dns_ptr": "a.example.org"},
        "ipv6": {"id": 2, "ip": "2001:db8:1::/64", "dns_ptr": []},
        "firewalls": [{"id": 9, "status": "applied"}],
    },
}
WEB = {
    "serverType": "cx23",
    "image": "debian-13",
    "location": "fsn1",
    "sshKeys": ["k"],
    "name": "web-1",
    "labels": {"app": "x"},
}


def _words(code: str, said: str) -> Any:
    return {"error": {"code": code, "message": said, "details": None}}


def _action(id: int, status: str = "success", **more: Any) -> Any:
    return {"id": id, "command": "do_it", "status": status, "error": None, **more}


@pytest.fixture
def api() -> FakeApi:
    """The answers of the cloud: a catalog, a key and a server."""
    api = FakeApi(token=TOKEN, words=_words)
    api.tells("GET", "/server_types", {"server_types": [{"id": 1, "name": "cx23", "architecture": "x86"}]})
    api.tells("GET", "/images", {"images": [{"id": 114, "name": "debian-13"}]})
    api.tells("GET", "/ssh_keys", {"ssh_keys": [KEY_ROW]})
    api.tells("GET", "/servers/7", {"server": BIRTH})
    return api


@pytest.fixture
def engine(api: FakeApi) -> Iterator[Engine]:
    """The stand-in in this process, as patient as the official plugin but quicker."""
    with served(api) as url:
        session = dataclasses.replace(configure({"endpoint": url, "token": TOKEN}), first_wait=0.001)
        provider = InProcess(dataclasses.replace(stand_in(), configure=lambda settings: session))
        provider.Configure(provider_pb2.ConfigureRequest(args=values({})))
        yield Engine(provider, "hcloud")


def _asked(api: FakeApi, *methods: str) -> list[str]:
    return [f"{method} {path}" for method, path, _ in api.calls if not methods or method in methods]


def _sent(api: FakeApi, path: str) -> Any:
    return next(body for method, called, body in api.calls if (method, called) == ("POST", path))


def _refused(*, endpoint: str, token: str) -> str:
    with started("resource-hcloud", environment={"HCLOUD_ENDPOINT": endpoint, "HCLOUD_TOKEN": token}) as plugin:
        with pytest.raises(grpc.RpcError) as error:
            plugin.provider.Configure(provider_pb2.ConfigureRequest(args=values({})))
        return message(error)


def test_is_started_as_the_engine_starts_it_and_says_its_version() -> None:
    from importlib.metadata import version

    from rehearsal.plugins.protos import Empty

    with started("resource-hcloud", environment={}) as plugin:
        assert plugin.provider.GetPluginInfo(Empty()).version == version("pulumi-hcloud")


def test_refuses_a_cloud_outside() -> None:
    said = _refused(endpoint="https://192.0.2.7/v1", token=TOKEN)
    assert said.startswith("hcloud: endpoint: should lie in the rehearsal (got 192.0.2.7, which is 192.0.2.7)")
    assert "install the official ones" in said


@pytest.mark.parametrize("endpoint", ["", "https://api.hetzner.cloud/v1", "https://api.hetzner.cloud/v1/"])
def test_refuses_the_real_cloud_without_asking_for_its_address(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rehearsal.plugins import guard

    monkeypatch.setattr(guard, "_resolved", lambda *asked: pytest.fail("asked the resolver"))
    monkeypatch.setenv("HCLOUD_ENDPOINT", endpoint)
    with pytest.raises(guard.Refused, match="hcloud: endpoint: should lie in the rehearsal"):
        configure({"token": TOKEN})


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("x" * 64, "hcloud: token: should start with local- (got another one)"),
        ("", "hcloud: token: should start with local- (got none)"),
        ("local-short", "hcloud: token: should be exactly 64 characters long (got 11)"),
    ],
)
def test_refuses_a_token_that_is_none_of_the_rehearsals(token: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rehearsal.plugins.guard import Refused

    monkeypatch.setenv("HCLOUD_TOKEN", token)
    with pytest.raises(Refused) as error:
        configure({"endpoint": "http://127.0.0.1:1/v1"})
    assert str(error.value).startswith(said)
    assert "x" * 64 not in str(error.value)


def test_refuses_what_it_does_not_know_by_name(engine: Engine) -> None:
    with pytest.raises(Aborted, match="hcloud:index/loadBalancer:LoadBalancer: this stand-in of the hcloud plugin"):
        engine.checked("LoadBalancer", {})
    with pytest.raises(Aborted, match="getPricing: this stand-in"):
        engine.invoke("getPricing")
    with pytest.raises(Aborted, match="server: rescue: this stand-in does not know it"):
        engine.create("Server", **WEB, rescue="linux64")


def test_a_server_is_born_into_its_network_and_behind_its_firewall(engine: Engine, api: FakeApi) -> None:
    api.tells("POST", "/servers", {"server": BIRTH, "action": _action(1, "running"), "next_actions": [_action(2)]})
    api.tells("GET", "/actions", {"actions": [_action(1, "running")]}, {"actions": [_action(1)]})
    api.tells("POST", "/servers/7/actions/attach_to_network", {"action": _action(3)}, status=201)
    api.tells("POST", "/servers/7/actions/change_protection", {"action": _action(4)}, status=201)
    made = engine.create(
        "Server",
        **WEB,
        userData="#cloud-config",
        firewallIds=[9],
        publicNets=[{}],
        networks=[{"networkId": 5, "ip": "10.0.1.3"}],
        deleteProtection=False,
        rebuildProtection=False,
    )
    assert _sent(api, "/servers") == {
        "name": "web-1",
        "server_type": "cx23",
        "location": "fsn1",
        "user_data": "#cloud-config",
        "labels": {"app": "x"},
        "image": 114,
        "ssh_keys": [3],
        "firewalls": [{"firewall": 9}],
        "public_net": {"enable_ipv4": True, "enable_ipv6": True},
    }
    assert _sent(api, "/servers/7/actions/attach_to_network") == {"network": 5, "ip": "10.0.1.3"}
    assert (made["ipv4Address"], made["ipv6Address"]) == ("198.51.100.16", "2001:db8:1::1")
    assert made["userData"] == base64.b64encode(hashlib.sha1(b"#cloud-config").digest()).decode()
    assert made["networks"] == [{"networkId": 5, "ip": "10.0.1.3", "aliasIps": [], "macAddress": "86:00:00:00:00:01"}]
    polls = [query for (_, path, _), query in zip(api.calls, api.queries, strict=True) if path == "/actions"]
    assert polls == ["id=1&sort=status&sort=id&page=1"] * 2


def test_a_server_without_public_addresses_starts_in_its_network(engine: Engine, api: FakeApi) -> None:
    api.tells("POST", "/servers", {"server": BIRTH, "action": _action(1), "next_actions": []})
    for command in ("attach_to_network", "poweron"):
        api.tells("POST", f"/servers/7/actions/{command}", {"action": _action(2)}, status=201)
    nets = {"publicNets": [{"ipv4Enabled": False, "ipv6Enabled": False}], "networks": [{"subnetId": "5-10.0.1.0/24"}]}
    engine.create("Server", **WEB, **nets)
    assert _sent(api, "/servers")["start_after_create"] is False
    assert _sent(api, "/servers/7/actions/attach_to_network") == {"network": 5, "ip_range": "10.0.1.0/24"}
    assert _asked(api, "POST")[-1] == "POST /servers/7/actions/poweron"


def test_places_that_another_resource_made_are_no_drift(engine: Engine, api: FakeApi) -> None:
    api.tells("POST", "/servers", {"server": BIRTH, "action": None, "next_actions": []})
    assert engine.create("Server", **WEB)["networks"] == []  # create() reads at once and finds nothing changed


def test_a_birth_that_fails_half_way_is_kept(engine: Engine, api: FakeApi) -> None:
    failed = _action(1, "error", error={"code": "resource_unavailable", "message": "no place for it"})
    api.tells("POST", "/servers", {"server": BIRTH, "action": failed, "next_actions": []})
    with pytest.raises(Aborted, match=r"action 1 \(do_it\): no place for it \(resource_unavailable\)") as error:
        engine.create("Server", **WEB)
    detail = provider_pb2.ErrorResourceInitFailed()
    status = status_pb2.Status.FromString(error.value.metadata["grpc-status-details-bin"])
    assert status.details[0].Unpack(detail)
    assert detail.id == "7"


def test_a_key_that_ends_in_a_newline_is_replaced_the_next_time(engine: Engine, api: FakeApi) -> None:
    """As with the official plugin, which does not mind what the cloud trims: the program has to."""
    api.tells("POST", "/ssh_keys", {"ssh_key": KEY_ROW}, status=201)
    api.tells("GET", "/ssh_keys/3", {"ssh_key": KEY_ROW})
    with pytest.raises(AssertionError, match=r"\['publicKey'\]"):
        engine.create("SshKey", name="k", publicKey="ssh-ed25519 A\n")


@pytest.mark.parametrize(("code", "status"), [("conflict", 409), ("rate_limit_exceeded", 429), ("timeout", 504)])
def test_asks_again_where_the_official_client_does(engine: Engine, api: FakeApi, code: str, status: int) -> None:
    left = [(status, _words(code, "busy")), (201, {"ssh_key": KEY_ROW})]
    api.on("POST", "/ssh_keys", lambda match, body: left.pop(0))
    api.tells("GET", "/ssh_keys/3", {"ssh_key": KEY_ROW})
    engine.create("SshKey", name="k", publicKey="ssh-ed25519 A")
    assert left == []


@pytest.mark.parametrize(("code", "status"), [("uniqueness_error", 409), ("locked", 423), ("server_error", 500)])
def test_does_not_ask_again_where_the_official_client_does_not(
    engine: Engine, api: FakeApi, code: str, status: int
) -> None:
    api.tells("POST", "/ssh_keys", _words(code, "no"), status=status)
    with pytest.raises(Aborted, match=rf"POST http://.*/ssh_keys: no \({code}\)"):
        engine.create("SshKey", name="k", publicKey="ssh-ed25519 A")
    assert _asked(api) == ["POST /ssh_keys"]


def test_a_broken_answer_is_asked_for_again_by_its_status(engine: Engine, api: FakeApi) -> None:
    api.tells("POST", "/ssh_keys", None, status=502)
    with pytest.raises(Aborted, match="hcloud: server responded with status code 502"):
        engine.create("SshKey", name="k", publicKey="ssh-ed25519 A")
    assert len(api.calls) == 6  # once, and five times more


def test_what_is_wrong_with_the_input_is_told(engine: Engine, api: FakeApi) -> None:
    wrong = _words("invalid_input", "invalid input")
    wrong["error"]["details"] = {"fields": [{"name": "name", "messages": ["is too long"]}]}
    api.tells("POST", "/networks", wrong, status=422)
    with pytest.raises(Aborted, match=r"invalid input \(invalid_input\): \[\"name => \['is too long'\]\"\]"):
        engine.create("Network", name="n", ipRange="10.0.0.0/16")


def test_a_locked_server_is_waited_for_when_it_joins_a_network(engine: Engine, api: FakeApi) -> None:
    left = [(423, _words("locked", "locked")), (201, {"action": _action(1)})]
    api.on("POST", "/servers/7/actions/attach_to_network", lambda match, body: left.pop(0))
    made = engine.create("ServerNetwork", serverId=7, networkId=5)
    assert (made["id"], made["ip"], made["aliasIps"]) == ("7-5", "10.0.1.3", [])


def test_a_place_that_is_not_in_its_subnet_is_made_anew(engine: Engine) -> None:
    inputs = {"serverId": 7, "subnetId": "5-10.0.1.0/24"}

    def difference(**held: Any) -> list[str]:
        return engine.difference("ServerNetwork", {**inputs, "networkId": 5, "ip": "10.0.1.3", **held}, inputs)

    assert (difference(), difference(ip="10.0.2.3"), difference(networkId=6)) == ([], ["ip"], ["networkId"])


def test_a_number_that_is_not_found_is_looked_for_among_the_names(engine: Engine, api: FakeApi) -> None:
    api.tells("GET", "/servers", {"servers": []})
    assert engine.read("Server", "8") is None
    assert list(zip(_asked(api), api.queries, strict=True)) == [
        ("GET /servers/8", ""),
        ("GET /servers", "name=8&page=1"),
    ]


def test_a_volume_goes_by_a_detach(engine: Engine, api: FakeApi) -> None:
    row = {
        "id": 4,
        "name": "data",
        "size": 10,
        "server": 7,
        "location": {"name": "fsn1"},
        "labels": {},
        "linux_device": "/dev/disk/by-id/scsi-0HC_Volume_4",
        "protection": {"delete": False},
    }
    api.tells("GET", "/volumes/4", {"volume": row})
    api.tells("POST", "/volumes", {"volume": {**row, "server": None}, "action": _action(1), "next_actions": []})
    api.tells("POST", "/volumes/4/actions/detach", {"action": _action(2)})
    api.tells("DELETE", "/volumes/4", None, status=204)
    made = engine.create("Volume", size=10, location="fsn1", name="data")
    assert made["linuxDevice"] == "/dev/disk/by-id/scsi-0HC_Volume_4"
    engine.delete_all()
    assert _asked(api, "POST", "DELETE")[1:] == ["POST /volumes/4/actions/detach", "DELETE /volumes/4"]


def test_a_firewall_leaves_its_servers_first_and_waits_until_it_is_free(engine: Engine, api: FakeApi) -> None:
    applied = [{"type": "label_selector", "label_selector": {"selector": "app=x"}, "applied_to_resources": []}]
    row = {"id": 9, "name": "web", "labels": {}, "rules": [], "applied_to": applied}
    left = [(422, _words("resource_in_use", "still in use")), (204, None)]
    api.tells("GET", "/firewalls/9", {"firewall": row})
    api.tells("POST", "/firewalls/9/actions/remove_from_resources", {"actions": [_action(1)]})
    api.on("DELETE", "/firewalls/9", lambda match, body: left.pop(0))
    engine.delete("Firewall", "9", {})
    assert _sent(api, "/firewalls/9/actions/remove_from_resources") == {
        "remove_from": [{"type": "label_selector", "label_selector": {"selector": "app=x"}}]
    }
    assert left == []


def test_an_address_moves_to_another_server_in_place(engine: Engine, api: FakeApi) -> None:
    address = {"id": 2, "ip": "198.51.100.9", "server": 7}
    api.tells("GET", "/floating_ips/2", {"floating_ip": address})
    api.tells("POST", "/floating_ips/2/actions/assign", {"action": _action(1)}, status=201)
    engine.create("FloatingIpAssignment", floatingIpId=2, serverId=7)
    api.tells("GET", "/floating_ips/2", {"floating_ip": {**address, "server": 8}})
    api.tells("GET", "/servers/8", {"server": {**BIRTH, "id": 8}})
    assert engine.update("FloatingIpAssignment", floatingIpId=2, serverId=8) == {
        "id": "2",
        "floatingIpId": 2,
        "serverId": 8,
    }
    assert [body for method, _, body in api.calls if method == "POST"] == [{"server": 7}, {"server": 8}]


def test_a_server_that_is_gone_is_deleted_by_a_refresh_only(engine: Engine) -> None:
    with pytest.raises(Aborted, match="not_found"):
        engine.delete("Server", "8", {})


def test_a_record_set_is_found_by_name_and_type_and_imported_with_its_zone(engine: Engine, api: FakeApi) -> None:
    row = {
        "id": "@/A",
        "name": "@",
        "type": "A",
        "ttl": None,
        "labels": {},
        "protection": {"change": False},
        "records": [{"value": "192.0.2.1", "comment": ""}],
        "zone": 6,
    }
    api.tells("GET", "/zones/example.org/rrsets/@/A", {"rrset": row})
    found = engine.read("ZoneRrset", "example.org/@/A")
    assert found is not None
    assert (found["zone"], found["name"], found["records"]) == ("example.org", "@", [{"value": "192.0.2.1"}])
    told = engine.invoke("getZoneRrset", zone="example.org", name="@", type="A")
    assert (told["id"], told["ttl"], told["records"]) == ("@/A", 0, [{"value": "192.0.2.1", "comment": ""}])


def test_user_data_that_changes_makes_a_new_server_and_by_hand_named_ones_go_first(engine: Engine) -> None:
    def difference(**named: Any) -> Any:
        inputs = engine.checked("Server", {**WEB, **named, "userData": UNKNOWN, "name": named.get("name")})
        held = {**WEB, "name": inputs["name"], "userData": "another"}
        request = provider_pb2.DiffRequest(urn=urn(SERVER), olds=values(held), news=values(inputs))
        return engine._provider.Diff(request)

    by_hand, automatic = difference(name="web-1"), difference()
    assert list(by_hand.replaces) == list(automatic.replaces) == ["userData"]
    assert (by_hand.deleteBeforeReplace, automatic.deleteBeforeReplace) == (True, False)


@pytest.mark.parametrize(
    ("kind", "inputs", "said"),
    [
        ("Server", {**WEB, "networks": [{"ip": "10.0.0.2"}]}, "networks[0]: must specify either networkId or subnetId"),
        (
            "Server",
            {**WEB, "networks": [{"networkId": 5}, {"subnetId": "5-10.0.1.0/24"}]},
            "networks[1]: server is only allowed to be attached to each network once: 5",
        ),
        ("ServerNetwork", {"serverId": 7}, "exactly one of networkId, subnetId has to be given (got none)"),
        (
            "Firewall",
            {"rules": [{"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["10.0.0.1/8"]}]},
            "rules[0].sourceIps: should be addresses, or ranges that begin with their first (got '10.0.0.1/8')",
        ),
        (
            "Firewall",
            {"rules": [{"direction": "inn", "protocol": "tcp"}]},
            "rules[0].direction: should be one of in, out (got 'inn')",
        ),
        ("Network", {"ipRange": "10.0.0.0"}, "ipRange: should be a range such as 10.0.0.0/16 (got '10.0.0.0')"),
        ("ZoneRrset", {"zone": "z", "type": "A", "records": []}, "records: should hold at least one record (got none)"),
    ],
)
def test_names_what_is_wrong_with_the_inputs(engine: Engine, kind: str, inputs: Any, said: str) -> None:
    type = engine.token(kind)
    answer = engine._provider.Check(provider_pb2.CheckRequest(urn=urn(type), news=values(inputs), olds=values({})))
    assert [failure.reason for failure in answer.failures] == [said]


def test_an_address_alone_is_a_range_of_one(engine: Engine) -> None:
    rule = {"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["192.0.2.1", "2001:DB8::/32"]}
    inputs = engine.checked("Firewall", {"name": "f", "rules": [rule]})
    told = {**rule, "sourceIps": ["2001:db8::/32", "192.0.2.1/32"], "destinationIps": [], "description": ""}
    assert engine.difference("Firewall", {"name": "f", "rules": [told], "labels": {}, "applyTos": []}, inputs) == []


def test_the_functions_are_those_of_the_contract() -> None:
    from rehearsal.plugins.hcloud.functions import FUNCTIONS
    from tests.rehearsal.plugins.vectors import CONTRACT, contract

    if not CONTRACT.exists():
        pytest.skip("../shared/contract/plugins is not on this computer")
    assert set(FUNCTIONS) == set(contract("hcloud")["functions"])
