"""What carries a stack's tag and is in no state of it is named, with the command that removes it."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from pulumi import ComponentResource, ResourceOptions

from components.before import Before
from components.clouds.digitalocean_strays import there_already
from tests.components.clouds.test_digitalocean import cloud, servers
from tests.components.in_memory import on_server
from tests.plans.account import Account

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzHJfMCBRVZ5WYkmpGzfXmZcoQTTTNpWvDCr3zMUXUJ"
DROPLET = "digitalocean:index/droplet:Droplet"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
TAG = "my-shop-staging-web-ab12cd"


def droplet(id: int) -> dict[str, Any]:
    """What the provider tells of a droplet, as far as it is read."""
    return {"id": id, "name": f"my-shop-staging-web-1-{id}", "ipv4Address": "198.51.100.20", "tags": [TAG]}


def warned(account: Account) -> list[str]:
    def program() -> None:
        servers(made := cloud())
        environment = ComponentResource("slipway:components:Environment", "staging")
        made.warn_of_strays(before=Before().resources, resource=environment)

    account.up(program)
    return [said for said in account.said if "carries this stack's tag" in said]


def test_the_machine_just_made_is_no_stray(account: Account) -> None:
    account.droplets = [droplet(101)]
    assert warned(account) == []


def test_a_machine_that_is_being_replaced_is_no_stray(account: Account) -> None:
    account.held = [(DROPLET, {"dropletUrn": "do:droplet:100"})]
    account.droplets = [droplet(100), droplet(101)]
    assert warned(account) == []


def test_a_second_machine_is_named_with_the_command_that_removes_it(account: Account) -> None:
    account.held = [(DROPLET, {"dropletUrn": "do:droplet:101"})]
    account.droplets = [droplet(101), droplet(102)]
    api = "${DIGITALOCEAN_API_URL:-https://api.digitalocean.com}/v2/droplets/102"
    assert warned(account) == [
        f"droplet 102 (my-shop-staging-web-1-102, 198.51.100.20) carries this stack's tag {TAG} and is in no state of "
        "it: a call that was interrupted or sent twice left it, and it costs money. Remove it with doctl compute "
        f'droplet delete 102, or curl -fsS -H "Authorization: Bearer $DIGITALOCEAN_TOKEN" -X DELETE {api}'
    ]


def test_a_preview_names_it_too(account: Account) -> None:
    account.preview, account.held = True, [(DROPLET, {"dropletUrn": "do:droplet:101"})]
    account.droplets = [droplet(101), droplet(102)]
    assert [said.split(" (")[0] for said in warned(account)] == ["droplet 102"]


def test_a_second_cluster_is_counted(account: Account) -> None:
    def program() -> None:
        made = cloud()
        made.database("database", size="small", standby=False, on_server=on_server, opts=ResourceOptions())
        environment = ComponentResource("slipway:components:Environment", "staging")
        made.warn_of_strays(before=Before().resources, resource=environment)

    def counted(count: int) -> list[str]:
        account.clusters = count
        account.up(program)
        return [said for said in account.said if "carry this stack's tag" in said]

    account.held = [(CLUSTER, {"clusterUrn": "do:dbaas:101"})]
    assert counted(1) == []
    (said,) = counted(2)
    assert said.startswith(f"2 database clusters carry this stack's tag {TAG} and its state has 1 (101): ")
    assert f"/databases?tag_name={TAG} and remove what nobody needs with doctl databases delete ID" in said


@pytest.mark.parametrize(
    ("kind", "inputs", "error", "said"),
    [
        ("sshKey:SshKey", {"publicKey": KEY}, "422 SSH Key is already in use", "doctl compute ssh-key delete 98:fe:12"),
        (
            "databaseUser:DatabaseUser",
            {"clusterId": "c1", "name": "shop"},
            "422 already exists",
            "pulumi import --stack staging --protect=false --generate-code=false "
            "digitalocean:index/databaseUser:DatabaseUser it c1,shop",
        ),
        ("sshKey:SshKey", {"publicKey": KEY}, "503 Service Unavailable", None),
    ],
)
def test_what_an_interrupted_call_made_is_told_when_it_is_refused(
    account: Account, kind: str, inputs: dict[str, Any], error: str, said: str | None
) -> None:
    account.up(lambda: there_already("it"))
    hook = account.hooks["it is there already"]
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi, "warn", lambda text, *_: told.append(text))
        type = f"digitalocean:index/{kind}"
        failed = f"POST http://api/v2/things: {error}"
        args = pulumi.ErrorHookArgs("urn", "", "it", type, inputs, failed_operation="create", errors=[failed])
        assert hook(args) is False
    assert [said in text for text in told if said] == ([True] if said else []), told
