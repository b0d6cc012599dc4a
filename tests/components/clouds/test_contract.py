"""What every cloud promises, held against each of them: what is secret, what is open, what opens what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pulumi
import pytest
from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds import CLOUDS, cloud
from components.clouds.cloud import Cloud, Database, DataServers, Names, Server, Storage
from tests.components.in_memory import InMemory
from tests.plans.account import Account

PAIRS = ("program", "program secret", "site", "site secret")
KEYS = Storage(*map(Output.secret, PAIRS))
Make = Callable[..., Cloud]


@pytest.fixture(params=[*CLOUDS, "in memory"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = InMemory if request.param == "in memory" else cloud(request.param)
    return found


def fail(key: str, text: str) -> NoReturn:
    raise AssertionError(f"{key}: {text}")


class Ground:
    """A cloud of its own to stand on, inside a program."""

    def __init__(self, make: Make, *, protect: bool = False) -> None:
        self.parent = ComponentResource("slipway:components:Ground", "ground")
        self.opts = ResourceOptions(parent=self.parent)
        names = Names(site="slipway", environment="staging", suffix=Output.from_input("ab12cd"))
        self.cloud = make(
            region="fsn1", network=None, storage=KEYS, names=names, protect=protect, fail=fail, parent=self.parent
        )

    def servers(self) -> list[Server]:
        return self.cloud.servers(
            {"web-1": "#cloud-config"},
            size="small",
            generation=1,
            login_public_key="ssh-ed25519 AAAA",
            ssh_from=["203.0.113.0/24"],
            opts=self.opts,
        )

    def database(self) -> Database:
        return self.cloud.database("database", size="small", standby=False, on_server=self._on_server, opts=self.opts)

    def _on_server(self, servers: DataServers) -> Database:
        """No more of a Postgres than what a cloud has to do with."""
        made = servers.data_server(
            "database",
            "#cloud-config",
            size="small",
            disk_gb=10,
            generation=1,
            login_public_key="ssh-ed25519 AAAA",
            ssh_from=["203.0.113.0/24"],
            opts=self.opts,
        )
        text, secret = made.private, Output.secret("made by hand")
        port = text.apply(lambda _: 5432)
        ca = Output.from_input("-----BEGIN CERTIFICATE-----")
        return Database(text, port, text, text, secret, text, secret, ca)


def known(account: Account, program: Callable[[], dict[str, Output[Any]]]) -> dict[str, tuple[Any, bool]]:
    """Run the program; each output's value, and whether it is secret."""
    found: dict[str, tuple[Any, bool]] = {}

    async def look(name: str, output: Output[Any]) -> None:
        found[name] = (await output.future(), await output.is_secret())

    def run() -> None:
        for name, output in program().items():
            looked: Output[None] = Output.from_input(look(name, output))
            del looked

    account.up(run)
    return found


def test_servers_keep_their_names_and_have_addresses(account: Account, make: Make) -> None:
    found = known(account, lambda: {each.name: each.host for each in Ground(make).servers()})
    assert list(found) == ["web-1"]
    assert found["web-1"][0]


def test_an_address_is_there_before_any_server(account: Account, make: Make) -> None:
    found = known(account, lambda: {"ip": Ground(make).cloud.address("address", opts=ResourceOptions()).ip})
    assert found["ip"][0].count(".") == 3


def test_passwords_are_secret_and_the_port_is_a_number(account: Account, make: Make) -> None:
    if make is InMemory:
        pytest.skip("has no passwords")

    def program() -> dict[str, Output[Any]]:
        made = Ground(make).database()
        assert (made.owner, made.former) == ("", None)  # never rotated
        return {name: value for name, value in vars(made).items() if isinstance(value, Output)}

    found = known(account, program)
    assert {name for name, (_, secret) in found.items() if secret} == {"password", "admin_password"}
    assert isinstance(found["port"][0], int)
    assert found["ca"][0].startswith("-----BEGIN CERTIFICATE-----")


def test_a_bucket_has_a_secret_key_of_its_own(account: Account, make: Make) -> None:
    def program() -> dict[str, Output[Any]]:
        made = Ground(make).cloud.bucket("media", opts=ResourceOptions())
        assert made.endpoint.startswith("https://")
        return {"name": made.name, "secret_key": made.secret_key}

    assert known(account, program)["secret_key"][1]


def test_a_cloud_keeps_its_things_where_it_is_told(account: Account, make: Make) -> None:
    def program() -> None:
        ground = Ground(make)
        server = ground.servers()[0]
        ground.database()
        ground.cloud.bucket("media", opts=ground.opts)
        address = ground.cloud.address("address", opts=ground.opts)
        ground.cloud.assign("address", address=address, server=server, opts=ground.opts)

    account.up(program)
    assert not [each.chain for each in account.asked if not each.options.parent]
    assert all("Ground" in each.chain for each in account.asked)


def test_the_names_of_two_environments_never_meet() -> None:
    def names(environment: str) -> Names:
        return Names(site="slipway", environment=environment, suffix=Output.from_input("ab12cd"))

    assert names("Feature/Some_Thing").plain("web-1") == "slipway-feature-some-thing-web-1"
    assert names("staging").plain("web") != names("production").plain("web")
    assert pulumi.Output is Output
