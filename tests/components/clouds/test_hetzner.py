"""What is particular to Hetzner."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pulumi
import pytest
from pulumi import ComponentResource, Output, ResourceOptions

from components.before import Before
from components.clouds.cloud import Names, Storage
from components.clouds.hetzner import Hetzner
from components.clouds.hetzner_account import SIZES, explain
from tests.plans.account import Account, Asked, is_secret, plain

RECORD = {"id": "www/A", "name": "www", "type": "A", "records": [{"value": "203.0.113.9", "comment": ""}]}
REST = {"changeProtection": False, "labels": {}, "ttl": 60, "zone": "example.org"}
KEYS = Storage(*map(Output.secret, ("PROGRAM", "program secret", "SITE", "site secret")))


def fail(key: str, text: str) -> NoReturn:
    raise pulumi.RunError(f"FILE: {key}: {text}")


def cloud(**more: Any) -> Hetzner:
    names = Names(site="my-shop", environment="staging", suffix=Output.from_input("ab12cd"))
    parent = ComponentResource("slipway:components:Ground", "ground")
    asked: dict[str, Any] = {"region": "fsn1", "network": None, "storage": KEYS, "protect": False}
    return Hetzner(**{**asked, "names": names, "fail": fail, "parent": parent, **more})


def servers(made: Hetzner, *names: str, **more: Any) -> None:
    asked: dict[str, Any] = {
        "size": "small",
        "generation": 1,
        "login_public_key": "ssh-ed25519 A",
        "ssh_from": ["203.0.113.0/24"],
    }
    user_data = dict.fromkeys(names or ["web-1"], "#cloud-config")
    made.servers(user_data, opts=ResourceOptions(), **{**asked, **more})


def data_server(made: Hetzner, **more: Any) -> None:
    asked: dict[str, Any] = {
        "size": "small",
        "disk_gb": 20,
        "generation": 1,
        "login_public_key": "ssh-ed25519 A",
        "ssh_from": ["203.0.113.0/24"],
    }
    made.data_server("database", "#cloud-config", opts=ResourceOptions(), **{**asked, **more})


def record(account: Account, host: str = "www.example.org") -> None:
    def program() -> None:
        made = cloud()
        address = made.address("address", opts=ResourceOptions())
        made.record(host, zone="example.org", address=address, opts=ResourceOptions())

    account.up(program)


def opened(wall: Asked) -> dict[tuple[str, str | None], list[str]]:
    rules = wall.inputs["rules"]
    assert {rule["direction"] for rule in rules} == {"in"}
    return {(rule["protocol"], rule.get("port")): rule["sourceIps"] for rule in rules}


ANYWHERE = ["0.0.0.0/0", "::/0"]
BASE: dict[tuple[str, str | None], list[str]] = {("tcp", "22"): ["203.0.113.0/24"], ("icmp", None): ANYWHERE}


def test_only_the_web_and_ssh_from_somewhere_are_open(account: Account) -> None:
    account.up(lambda: servers(cloud()))
    ports: list[tuple[str, str | None]] = [("tcp", "80"), ("tcp", "443"), ("udp", "443")]
    assert opened(account.one("Firewall")) == {**BASE, **dict.fromkeys(ports, ANYWHERE)}


def test_a_server_for_data_is_open_to_ssh_only(account: Account) -> None:
    account.up(lambda: data_server(cloud()))
    assert opened(account.one("Firewall")) == BASE


def test_a_machine_is_behind_its_firewall_from_birth(account: Account) -> None:
    account.up(lambda: servers(cloud()))
    server = account.one("Server")
    assert account.one("Firewall").urn in server.options.dependencies
    assert server.inputs["firewallIds"] == [101]


def test_a_machine_is_named_by_the_engine_and_replaced_new_before_old(account: Account) -> None:
    account.up(lambda: servers(cloud(), generation=3))
    server = account.one("Server")
    assert "name" not in server.inputs
    assert not server.options.deleteBeforeReplace
    assert list(server.options.ignoreChanges) == ["userData", "sshKeys", "image"]
    assert list(server.options.replaceOnChanges) == ["serverType"]
    assert server.options.replacement_trigger.number_value == 3
    assert is_secret(server.inputs["userData"])
    assert server.inputs["labels"] == {"project": "my-shop", "stack": "staging", "suffix": "ab12cd"}
    assert not server.inputs.get("deleteProtection")


def test_several_machines_are_spread_and_one_is_not(account: Account) -> None:
    account.up(lambda: servers(cloud()))
    assert not [each for each in account.asked if each.type.endswith(":PlacementGroup")]
    account.up(lambda: servers(cloud(), "web-1", "web-2"))
    assert account.one("PlacementGroup").inputs["type"] == "spread"
    assert account.one("Server", "my-shop-staging-web-2").inputs["placementGroupId"] == 101


@pytest.mark.parametrize(
    ("region", "size", "type"),
    [
        *(("fsn1", size, types[0]) for size, types in SIZES.items()),
        *(("ash", size, types[1]) for size, types in SIZES.items()),
        ("hel1", "ccx13", "ccx13"),
    ],
)
def test_sizes(account: Account, region: str, size: str, type: str) -> None:
    account.up(lambda: servers(cloud(region=region), size=size))
    assert account.one("Server").inputs["serverType"] == type


def test_a_server_for_data_goes_before_the_next_comes_with_all_that_holds_its_disk(account: Account) -> None:
    account.up(lambda: data_server(cloud(), generation=2))
    kinds = ("Server", "ServerNetwork", "VolumeAttachment")
    assert all(account.one(kind).options.deleteBeforeReplace for kind in kinds)
    assert not any(account.one(kind).options.deletedWith for kind in kinds)  # the disk is let go by a call of its own
    assert account.one("ServerNetwork").inputs["ip"] == "10.0.1.10"
    volume = account.one("Volume")
    assert (volume.inputs["size"], volume.inputs["location"]) == (20, "fsn1")
    assert "serverId" not in volume.inputs


def test_machines_share_a_network_and_a_key(account: Account) -> None:
    def program() -> None:
        made = cloud()
        servers(made)
        data_server(made)

    account.up(program)
    assert account.one("NetworkSubnet").inputs["networkZone"] == "eu-central"
    assert account.one("SshKey").name == "my-shop-staging-login"
    assert len([each for each in account.asked if each.type.endswith(":ServerNetwork")]) == 2


def test_what_holds_data_is_protected_here_and_at_hetzner(account: Account) -> None:
    def program() -> None:
        made = cloud(protect=True)
        servers(made)
        data_server(made)
        made.address("address", opts=ResourceOptions())
        made.bucket("media", opts=ResourceOptions())

    account.up(program)
    guarded = {"Volume", "FloatingIp", "Network", "NetworkSubnet", "Command"}
    assert {each.type.split(":")[-1] for each in account.asked if each.options.protect} == guarded
    vendor = {each.type.split(":")[-1] for each in account.asked if each.inputs.get("deleteProtection")}
    assert vendor == {"Volume", "FloatingIp", "Network"}
    assert "delete" not in account.one("Command", "media").inputs


def test_a_bucket_is_made_by_the_driver_with_every_secret_on_its_stdin(account: Account) -> None:
    account.up(lambda: cloud().bucket("media", versioned=True, opts=ResourceOptions()))
    made = account.one("Command", "media")
    name = "my-shop-staging-media-ab12cd"
    assert made.inputs["create"] == f".venv/bin/python -m release.driver bucket {name}"
    assert made.inputs["delete"] == f".venv/bin/python -m release.driver remove-bucket {name}"
    assert made.inputs["triggers"] == ["fsn1", name]
    document = json.loads(plain(made.inputs["stdin"]))
    assert document == {
        "owner": "my-shop-staging-ab12cd",
        "region": "fsn1",
        "endpoint": "https://fsn1.your-objectstorage.com",
        "access_key": "PROGRAM",
        "secret_key": "program secret",
        "site_access_key": "SITE",
        "site_secret_key": "site secret",
        "versioned": True,
        "kept_days": 30,
    }


def test_a_bucket_that_is_kept_stays_and_is_versioned(account: Account) -> None:
    account.up(lambda: cloud().bucket("backups", kept=True, opts=ResourceOptions()))
    made = account.one("Command", "backups")
    assert made.options.retainOnDelete
    assert "delete" not in made.inputs
    assert json.loads(plain(made.inputs["stdin"]))["versioned"] is True


def test_a_location_without_object_storage_keeps_its_buckets_elsewhere_and_says_so(account: Account) -> None:
    account.preview = True
    account.up(lambda: cloud(region="ash").bucket("media", opts=ResourceOptions()))
    assert account.one("Command", "media").inputs["triggers"][0] == "fsn1"
    assert "region: Hetzner has no object storage in ash, buckets are in fsn1" in account.said


def test_an_address_moves_in_place_and_says_the_sites_name(account: Account) -> None:
    def program() -> None:
        made = cloud()
        address = made.address("address", opts=ResourceOptions())
        servers_made = made.servers(
            {"web-1": "#cloud-config"},
            size="small",
            generation=1,
            login_public_key="ssh-ed25519 A",
            ssh_from=["::/0"],
            opts=ResourceOptions(),
        )
        made.assign("address", address=address, server=servers_made[0], opts=ResourceOptions())
        made.reverse("www.example.org", address=address, opts=ResourceOptions())

    account.up(program)
    assert account.one("FloatingIp").inputs["homeLocation"] == "fsn1"
    assignment = account.one("FloatingIpAssignment")
    assert assignment.options.deletedWith == account.one("Server").urn
    assert not assignment.options.replaceOnChanges
    pointer = account.one("Rdns").inputs
    assert (pointer["dnsPtr"], pointer["ipAddress"]) == ("www.example.org", "198.51.100.130")


def test_a_zone_that_is_not_there(account: Account) -> None:
    account.zones = ()
    with pytest.raises(pulumi.RunError) as caught:
        record(account)
    assert str(caught.value) == (
        "FILE: domain: should be a zone in this Hetzner project (got 'example.org'), add it under DNS in the console "
        "or with hcloud zone create --name example.org, or say dns: external"
    )


@pytest.mark.parametrize(("host", "name"), [("example.org", "@"), ("a.b.example.org", "a.b")])
def test_a_records_name_is_relative_to_its_zone(account: Account, host: str, name: str) -> None:
    record(account, host)
    assert account.one("ZoneRrset").inputs["name"] == name


@pytest.mark.parametrize("preview", [True, False])
def test_a_record_of_someone_else_is_refused(account: Account, preview: bool) -> None:
    account.preview = preview
    account.records = [{**REST, **RECORD}]
    with pytest.raises(pulumi.RunError) as caught:
        record(account)
    assert str(caught.value) == (
        "FILE: hosts: www.example.org has a record that this stack did not make (got A 203.0.113.9), take it over with "
        "pulumi import --stack staging --protect=false --generate-code=false "
        "hcloud:index/zoneRrset:ZoneRrset www.example.org example.org/www/A or delete it"
    )


def test_an_alias_of_someone_else_cannot_be_taken_over(account: Account) -> None:
    alias = {"id": "www/CNAME", "type": "CNAME", "records": [{"value": "elsewhere.example.", "comment": ""}]}
    account.records = [{**REST, **RECORD, **alias}]
    with pytest.raises(pulumi.RunError, match=r"\(got CNAME elsewhere.example.\), delete it$"):
        record(account)


def test_our_own_record_is_ours_whatever_it_says(account: Account) -> None:
    account.records = [{**REST, **RECORD}]
    account.ids = {"www.example.org": "www/A"}
    record(account)


def test_a_server_in_no_state_is_named_with_the_command_that_removes_it(account: Account) -> None:
    rest = dict.fromkeys(("backupWindow", "datacenter", "image", "ipv6Address", "ipv6Network", "iso", "location"), "")
    row = {**rest, "name": "my-shop-staging-web-1-102", "ipv4Address": "198.51.100.20", "serverType": "cx23"}
    account.held = [("hcloud:index/server:Server", {"id": "100"})]
    account.droplets = [{**row, "id": id, "status": "running", "labels": {}} for id in (100, 101, 102)]

    def program() -> None:
        servers(made := cloud())
        data_server(made)  # its id is the last one that is known
        environment = ComponentResource("slipway:components:Environment", "staging")
        made.warn_of_strays(before=Before().resources, resource=environment)

    account.up(program)
    selector = "project=my-shop,stack=staging,suffix=ab12cd"
    curl = 'curl -fsS -H "Authorization: Bearer $HCLOUD_TOKEN" -X DELETE'
    api = "${HCLOUD_ENDPOINT:-https://api.hetzner.cloud/v1}/servers/102"
    assert [said for said in account.said if "labels" in said] == [
        f"server 102 (my-shop-staging-web-1-102, 198.51.100.20) carries this stack's labels {selector} and is in no "
        "state of it: a call that was interrupted left it, and it costs money. Remove it with "
        f"hcloud server delete 102, or {curl} {api}"
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("token is only allowed to perform GET requests (token_readonly, 4711)", "the token may only read"),
        ("server limit reached (resource_limit_exceeded, 4711)", "the project's limit is reached"),
        ("rate limit (rate_limit_exceeded, 4711)", "Hetzner takes no more calls for now"),
        ("error during placement (resource_unavailable, 4711)", "this size cannot be had in this region now"),
    ],
)
def test_a_refusal_is_told_in_words_of_the_stack_file(monkeypatch: pytest.MonkeyPatch, error: str, words: str) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi, "error", said.append)
    args = pulumi.ErrorHookArgs("urn", "", "web-1", "type", failed_operation="create", errors=[error])
    assert explain(args) is False
    assert [text.split(",")[0] for text in said] == [f"web-1: {words}"]
