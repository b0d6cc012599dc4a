"""What is particular to DigitalOcean."""

from __future__ import annotations

from typing import Any, NoReturn

import pulumi
import pytest
from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Generations, Names
from components.clouds.digitalocean import DigitalOcean
from components.clouds.digitalocean_account import DATABASE_SIZES, SERVER_SIZES, explain
from tests.components.in_memory import on_server
from tests.plans.account import Account, is_secret

FOREIGN = {"id": 42, "name": "www", "type": "A", "value": "203.0.113.9"}
REST = {"domain": "example.org", "flags": 0, "port": 0, "priority": 0, "tag": "", "ttl": 60, "weight": 0}


def fail(key: str, text: str) -> NoReturn:
    raise pulumi.RunError(f"FILE: {key}: {text}")


def cloud(**more: Any) -> DigitalOcean:
    names = Names(site="my-shop", environment="staging", suffix=Output.from_input("ab12cd"))
    parent = ComponentResource("slipway:components:Ground", "ground")
    asked: dict[str, Any] = {"region": "fra1", "network": None, "storage": None, "protect": False}
    return DigitalOcean(**{**asked, "names": names, "fail": fail, "parent": parent, **more})


def servers(made: DigitalOcean, **more: Any) -> None:
    asked: dict[str, Any] = {
        "size": "small",
        "generation": 1,
        "login_public_key": "ssh-ed25519 A",
        "ssh_from": ["::/0"],
    }
    made.servers({"web-1": "#cloud-config"}, opts=ResourceOptions(), **{**asked, **more})


def record(account: Account, host: str = "www.example.org") -> None:
    def program() -> None:
        made = cloud()
        address = made.address("address", opts=ResourceOptions())
        made.record(host, zone="example.org", address=address, opts=ResourceOptions())

    account.up(program)


def test_only_the_web_and_ssh_from_somewhere_are_open(account: Account) -> None:
    account.up(lambda: servers(cloud(), ssh_from=["203.0.113.0/24"]))
    rules = account.one("Firewall").inputs["inboundRules"]
    opened = {(rule["protocol"], rule.get("portRange")): rule["sourceAddresses"] for rule in rules}
    anywhere = ["0.0.0.0/0", "::/0"]
    assert opened == {
        ("tcp", "22"): ["203.0.113.0/24"],
        ("tcp", "80"): anywhere,
        ("tcp", "443"): anywhere,
        ("udp", "443"): anywhere,
        ("icmp", None): anywhere,
    }


def test_a_machine_is_behind_its_firewall_from_birth(account: Account) -> None:
    account.up(lambda: servers(cloud()))
    droplet = account.one("Droplet")
    assert account.one("Firewall").urn in droplet.options.dependencies
    assert droplet.inputs["tags"] == account.one("Firewall").inputs["tags"] == ["my-shop-staging-web-ab12cd"]


def test_a_machine_is_named_by_the_engine_and_replaced_new_before_old(account: Account) -> None:
    account.up(lambda: servers(cloud(), generation=3))
    droplet = account.one("Droplet")
    assert "name" not in droplet.inputs
    assert not droplet.options.deleteBeforeReplace
    assert list(droplet.options.ignoreChanges) == ["userData", "sshKeys", "image"]
    assert list(droplet.options.replaceOnChanges) == ["size"]
    assert droplet.options.replacement_trigger.number_value == 3
    assert is_secret(droplet.inputs["userData"])


@pytest.mark.parametrize(("size", "slug"), [*SERVER_SIZES.items(), ("c-8", "c-8")])
def test_server_sizes(account: Account, size: str, slug: str) -> None:
    account.up(lambda: servers(cloud(), size=size))
    assert account.one("Droplet").inputs["size"] == slug


@pytest.mark.parametrize(("size", "slug"), DATABASE_SIZES.items())
def test_database_sizes(account: Account, size: str, slug: str) -> None:
    account.up(
        lambda: cloud().database(
            "database", size=size, standby=size != "small", on_server=on_server, opts=ResourceOptions()
        )
    )
    cluster = account.one("DatabaseCluster").inputs
    assert (cluster["size"], cluster["nodeCount"]) == (slug, 1 if size == "small" else 2)


def test_a_database_trusts_this_environments_machines_and_nothing_else(account: Account) -> None:
    def program() -> None:
        made = cloud()
        servers(made)
        made.database("database", size="small", standby=False, on_server=on_server, opts=ResourceOptions())

    account.up(program)
    rules = account.one("DatabaseFirewall").inputs["rules"]
    assert rules == [{"type": "tag", "value": account.one("Droplet").inputs["tags"][0]}]
    assert account.one("DatabaseCluster").inputs["privateNetworkUuid"] == account.one("Droplet").inputs["vpcUuid"]
    assert account.one("DatabaseDb").inputs["name"] == "my_shop"


def test_a_network_that_exists_is_taken(account: Account) -> None:
    account.up(lambda: servers(cloud(network="5a4981aa-9653-4bd1-bef5-d6bff52042e4")))
    assert account.one("Droplet").inputs["vpcUuid"] == "5a4981aa-9653-4bd1-bef5-d6bff52042e4"
    assert not [each for each in account.asked if each.type.endswith(":Vpc")]


def test_a_buckets_key_opens_that_bucket_only(account: Account) -> None:
    account.up(lambda: cloud().bucket("media", opts=ResourceOptions()))
    grants = account.one("SpacesKey", "my-shop-staging-media").inputs["grants"]
    assert grants == [{"bucket": "my-shop-staging-media-ab12cd", "permission": "readwrite"}]
    bucket = account.one("SpacesBucket")
    assert (bucket.inputs["acl"], bucket.inputs["forceDestroy"]) == ("private", True)
    assert "spaces::" in bucket.options.provider


def test_a_region_without_spaces_keeps_its_buckets_nearby(account: Account) -> None:
    account.up(lambda: cloud(region="nyc1").bucket("media", opts=ResourceOptions()))
    assert account.one("SpacesBucket").inputs["region"] == "nyc3"


def test_what_holds_data_is_protected_with_its_children(account: Account) -> None:
    def program() -> None:
        made = cloud(protect=True)
        servers(made)
        made.database("database", size="small", standby=False, on_server=on_server, opts=ResourceOptions())
        made.bucket("media", opts=ResourceOptions())
        made.address("address", opts=ResourceOptions())

    account.up(program)
    assert {each.type.split(":")[-1] for each in account.asked if each.options.protect} == {
        *("DatabaseCluster", "DatabaseDb", "DatabaseUser", "DatabaseFirewall"),
        *("SpacesBucket", "SpacesKey", "Vpc", "ReservedIp"),
    }
    assert account.one("SpacesBucket").inputs["forceDestroy"] is False


def test_a_rotated_login_and_key_stand_beside_the_one_before(account: Account) -> None:
    made: dict[str, Any] = {}

    def program() -> None:
        rotated = cloud(generations=Generations(database=(1, 2), storage=(1, 2)), protect=True)
        opts = ResourceOptions()
        database = rotated.database("database", size="small", standby=False, on_server=on_server, opts=opts)
        made.update(owner=database.owner, former=database.former)
        rotated.bucket("media", opts=opts)

    account.up(program)
    users = {each.name: each for each in account.asked if each.type.endswith("DatabaseUser")}
    assert {name: each.inputs["name"] for name, each in users.items()} == {
        "database": "my_shop",
        "database-2": "my_shop_2",
    }
    # the one before may go with the run that leaves it out
    assert {name: each.options.protect for name, each in users.items()} == {"database": False, "database-2": True}
    assert made["owner"] == "my_shop_owner"
    assert made["former"]
    media = [each for each in account.asked if each.type.endswith("SpacesKey") and "media" in each.name]
    assert {each.name: each.options.protect for each in media} == {
        "my-shop-staging-media": False,
        "my-shop-staging-media-2": True,
    }


def test_a_zone_that_is_not_there(account: Account) -> None:
    account.zones = ()
    with pytest.raises(pulumi.RunError) as caught:
        record(account)
    assert str(caught.value) == (
        "FILE: domain: should be a zone in this DigitalOcean account (got 'example.org'), "
        "add it under Networking > Domains or with doctl compute domain create example.org, or say dns: external"
    )


@pytest.mark.parametrize(("host", "name"), [("example.org", "@"), ("a.b.example.org", "a.b")])
def test_a_records_name_is_relative_to_its_zone(account: Account, host: str, name: str) -> None:
    record(account, host)
    assert account.one("DnsRecord").inputs["name"] == name


@pytest.mark.parametrize("preview", [True, False])
def test_a_record_of_someone_else_is_refused(account: Account, preview: bool) -> None:
    account.preview = preview
    account.records = [{**REST, **FOREIGN}]
    with pytest.raises(pulumi.RunError) as caught:
        record(account)
    assert str(caught.value) == (
        "FILE: hosts: www.example.org has a record that this stack did not make (got A 203.0.113.9), take it over with "
        "pulumi import --stack staging --protect=false --generate-code=false "
        "digitalocean:index/dnsRecord:DnsRecord www.example.org example.org,42 "
        "or delete it"
    )


def test_an_alias_of_someone_else_cannot_be_taken_over(account: Account) -> None:
    account.records = [{**REST, **FOREIGN, "type": "CNAME", "value": "elsewhere.example"}]
    with pytest.raises(pulumi.RunError, match=r"\(got CNAME elsewhere.example\), delete it$"):
        record(account)


def test_our_own_record_is_ours_whatever_it_says(account: Account) -> None:
    account.records = [{**REST, **FOREIGN}]
    account.ids = {"www.example.org": "42"}
    record(account)


def test_records_of_other_names_and_kinds_are_none_of_our_business(account: Account) -> None:
    account.records = [{**REST, **FOREIGN, "name": "mail"}, {**REST, **FOREIGN, "type": "TXT"}]
    record(account)


def test_a_rate_limit_is_not_the_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi, "error", said.append)
    for error in ("429 API Rate limit exceeded.", "422 creating this/these droplet(s) will exceed your droplet limit"):
        failed = f"POST http://api/v2/droplets: {error}"
        args = pulumi.ErrorHookArgs("urn", "", "web-1", "type", failed_operation="create", errors=[failed])
        assert explain(args) is False
    assert [text.split(",")[0] for text in said] == [
        "web-1: DigitalOcean takes no more calls for now",
        "web-1: the account's limit is reached",
    ]
