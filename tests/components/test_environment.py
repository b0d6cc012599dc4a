"""The whole picture on a cloud that only keeps what it was asked for."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components.artifact import Chosen
from components.before import Before
from components.environment import Environment
from settings import Settings
from tests.components.in_memory import InMemory
from tests.plans.account import ANSWERS, RUNNING, Account, is_secret, plain

ASKED: dict[str, Any] = {
    "region": "here1",
    "domain": "example.org",
    "hosts": ["example.org", "www.example.org"],
    "project": "site",
    "settings": "site.settings",
    "env": {"NAME": "plain"},
    "secrets": {"TOKEN": "hunter2"},
    "workers": {"mail": "process_mail"},
    "schedule": {"tally": {"run": "tally", "at": "hourly"}},
}


class Up:
    """An environment that was brought up, what its cloud was asked for, and what the engine was."""

    def __init__(self, account: Account, **more: Any) -> None:
        self.account = account
        self.cloud: InMemory | None = None
        self.settings = Settings.parse(account.stack, {**ASKED, **more})
        self.outputs: dict[str, Any] = {}
        self.secret: dict[str, bool] = {}
        account.up(self._program)

    def _program(self) -> None:
        environment = Environment(
            self.settings, cloud=self._make, chosen=Chosen(RUNNING, "built from site"), before=Before()
        )
        for name, value in environment.outputs.items():
            looked: pulumi.Output[None] = pulumi.Output.from_input(self._look(name, pulumi.Output.from_input(value)))
            del looked

    async def _look(self, name: str, output: pulumi.Output[Any]) -> None:
        self.outputs[name] = await output.future()
        self.secret[name] = await output.is_secret()

    def _make(self, **asked: Any) -> InMemory:
        self.cloud = InMemory(**asked)
        return self.cloud

    @property
    def asked(self) -> dict[str, Any]:
        assert self.cloud
        return self.cloud.asked

    def document(self, command: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(plain(self.account.one("local:Command", command).inputs["stdin"]))
        return found


def test_a_release_is_told_everything_and_only_on_its_stdin(account: Account) -> None:
    document = Up(account).document("release")
    assert document["hosts"] == ["example.org", "www.example.org"]
    assert (document["env"], document["secrets"]) == ({"NAME": "plain"}, {"TOKEN": "hunter2"})
    assert document["secret_key"] == "generated-password"
    assert document["database"]["port"] == 5432
    assert document["media"]["mode"] == "private"
    (server,) = document["servers"]
    assert server == {"name": "web-1", "machine": "101", "host": "192.0.2.1", "host_key": "ssh-ed25519 AAAA"}
    assert document["schedule"] == {"tally": {"run": "tally", "at": "hourly"}}
    assert document["web"] == {"processes": None, "threads": 4}


AGREED = """
site environment settings hosts env secrets secret_key database media max_upload packages workers schedule health
before_release drain interface overlay cache staging_password accept_migration
secret_key_fallbacks former_login
keep writable web bucket certificate_key source servers address login_key limits notify protect
"""
OUTPUTS = """
url address artifact release phases database_host media_bucket release_bucket servers login_key arrival site
release_source recorded hosts births cloud data data_login_key backups media
"""


def test_a_release_document_has_exactly_the_agreed_keys(account: Account) -> None:
    assert sorted(Up(account).document("release")) == sorted(AGREED.split())


def test_no_command_shows_a_secret_a_path_or_a_time(account: Account) -> None:
    Up(account)
    shown = [each.inputs["create"] for each in account.asked if each.type == "command:local:Command"]
    assert sorted(shown) == [
        ".venv/bin/python -m release.driver arrive 192.0.2.200",
        ".venv/bin/python -m release.driver dumps database",
        f".venv/bin/python -m release.driver release {RUNNING}",
    ]
    for each in account.asked:
        visible = {key: value for key, value in each.inputs.items() if not is_secret(value)}
        assert "hunter2" not in json.dumps(visible), each.chain


def test_the_address_moves_after_the_release(account: Account) -> None:
    up = Up(account)
    _, server, opts = up.asked["assign"]
    assert server.name == "web-1"
    assert [each._name for each in opts.depends_on] == ["release"]


def test_a_release_waits_for_ready_machines(account: Account) -> None:
    Up(account)
    after = [urn.rsplit("::", 1)[1] for urn in account.one("Command", "release").options.dependencies]
    assert {"web-1", "secret-key", "media", "releases", "database"} <= set(after)


def test_outputs_are_what_was_seen_answering(account: Account) -> None:
    seen = Up(account).outputs
    assert sorted(seen) == sorted(OUTPUTS.split())
    assert seen["url"] == "https://example.org"
    assert (seen["artifact"], seen["release"]) == (RUNNING, "aaaaaaaaaaaa-12345678")
    state = "running, waiting for its certificate"
    assert seen["arrival"] == {"state": state, "dns": "ok", "certificate": "waiting", "round": 0}


@pytest.mark.parametrize("name", ["login_key", "release_source", "media"])
def test_outputs_that_open_something_are_secret(account: Account, name: str) -> None:
    assert Up(account).secret[name]


def test_what_will_run_and_what_was_noted_is_said(account: Account) -> None:
    Up(account)
    assert f"release: {RUNNING} (built from site)" in account.said
    assert "settings: DEBUG is False" in account.said


def test_a_preview_says_who_may_knock(account: Account) -> None:
    account.preview = True
    Up(account)
    assert "ssh-from: SSH (keys only) is open to every address, narrow it with ssh-from" in account.said
    Up(account, **{"ssh-from": ["203.0.113.0/24"]})
    assert not [line for line in account.said if line.startswith("ssh-from")]


def test_a_pin_takes_its_layers_from_where_it_was_proven(account: Account) -> None:
    account.outputs = {"release_source": {"name": "staging-releases", "access_key": "read"}}
    up = Up(account, **{"artifact": RUNNING, "promoted-from": "qa"})
    assert account.read == ["organization/slipway/qa"]
    assert up.document("release")["source"] == {"name": "staging-releases", "access_key": "read"}


def test_a_pin_from_a_stack_without_a_release_is_refused(account: Account) -> None:
    with pytest.raises(Exception, match="promoted-from: qa has released nothing yet, run pulumi up --stack qa first"):
        Up(account, **{"artifact": RUNNING, "promoted-from": "qa"})


def test_no_database_and_media_on_disk(account: Account) -> None:
    up = Up(account, database="none", media="disk")
    assert "database" not in up.asked
    assert up.asked["buckets"] == ["releases"]
    assert up.document("release")["database"] is None
    assert up.document("release")["media"] == {"mode": "disk"}


def test_without_names_the_site_is_called_after_its_address(account: Account) -> None:
    up = Up(account, domain="", hosts=[])
    assert up.document("release")["hosts"] == ["192-0-2-200.sslip.io"]
    assert up.document("arrive")["dns"] == "address"
    assert [line for line in account.said if line.startswith("no domain is set: the site answers as 192-0-2-200.")]


def test_names_kept_elsewhere_are_told_one_by_one(account: Account) -> None:
    up = Up(account, dns="external")
    assert "records" not in up.asked
    (told,) = [line for line in account.said if line.startswith("dns: external")]
    assert told.splitlines() == [
        "dns: external: no record is made, set these where you keep your names:",
        "  name example.org (@)  type A  value 192.0.2.200  TTL 300",
        "  name www.example.org (www)  type A  value 192.0.2.200  TTL 300",
    ]


def test_names_outside_the_domain_have_no_short_form(account: Account) -> None:
    Up(account, dns="external", domain="", hosts=["shop.example"])
    assert "  name shop.example  type A  value 192.0.2.200  TTL 300" in "\n".join(account.said).splitlines()


WAITING = {"dns": "waiting", "certificate": "waiting", "round": 3}


@pytest.mark.parametrize(
    ("recorded", "round_", "said"),
    [
        ({}, 0, []),
        ({"dns": "ok", "certificate": "ok", "round": 3}, 3, []),
        (WAITING, 4, ["last time: running, waiting for DNS: will look again"]),
        ({**WAITING, "dns": "ok"}, 4, ["last time: running, waiting for its certificate: will look again"]),
        ({"dns": "waiting", "certificate": "ok"}, 1, ["last time: running, waiting for DNS: will look again"]),
    ],
)
def test_what_had_not_arrived_is_looked_at_again_and_nothing_else(
    account: Account, recorded: dict[str, Any], round_: int, said: list[str]
) -> None:
    account.before = {"arrival": recorded} if recorded else {}
    up = Up(account)
    assert up.document("arrive")["round"] == round_
    assert up.outputs["arrival"]["round"] == round_
    assert [line for line in account.said if line.startswith("last time")] == said


def test_another_release_by_the_same_servers_leaves_what_has_arrived_alone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Up(account).document("arrive")
    account.asked.clear()
    released: Any = ANSWERS["release"]
    monkeypatch.setitem(ANSWERS, "release", {**released, "release": "bbbbbbbbbbbb-12345678"})
    other = Up(account, env={"NAME": "other"})
    assert other.outputs["release"] == "bbbbbbbbbbbb-12345678"
    assert other.document("arrive") == first


def test_that_it_has_arrived_at_last_is_said_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "arrive", {"dns": "ok", "certificate": "ok"})
    account.before = {"arrival": WAITING}
    news = "arrived: the names point here and the certificate is issued"
    assert Up(account).outputs["arrival"]["state"] == "arrived"
    assert news in account.said
    account.before = {"arrival": {"dns": "ok", "certificate": "ok", "round": 4}}
    Up(account)
    assert news not in account.said


def test_a_protected_environment_has_a_guard_that_goes_first(account: Account) -> None:
    Up(account, protect=True)
    guard = account.one("RandomId", "protected").options
    everything = {each.urn for each in account.asked if each.options.custom}
    shared = {each.urn for each in account.asked if each.name in ("suffix", "protected")}
    assert guard.protect
    assert everything - shared <= set(guard.dependencies)


def test_the_guard_stays_when_an_environment_is_no_longer_protected(account: Account) -> None:
    Up(account)
    assert not account.one("RandomId", "protected").options.protect


@pytest.mark.parametrize(
    ("more", "protected"),
    [
        ({"protect": True}, False),
        ({"protect": True, "media": "disk"}, True),
        ({"protect": True, "database": "none"}, True),
        ({"protect": True, "database": "none", "secrets": {"DATABASE_URL": "postgres://elsewhere"}}, False),
        ({"media": "disk"}, False),
    ],
)
def test_a_machine_whose_disk_holds_data_is_not_replaced_by_the_way(
    account: Account, more: dict[str, Any], protected: bool
) -> None:
    Up(account, **more)
    assert account.one("RandomId", "web-1").options.protect == protected


def test_a_machine_older_than_its_cloud_init_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    Up(account)
    assert not [line for line in account.said if "older cloud-init" in line]
    monkeypatch.setitem(account.births, "web-1", "0123456789ab")
    Up(account)
    assert "web-1 was made from an older cloud-init/ and stays as it is, raise server-generation to renew it" in (
        account.said
    )
