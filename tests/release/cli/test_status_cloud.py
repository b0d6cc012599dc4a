"""What `slipway status` finds at DigitalOcean: disagreements planted one by one in the local API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from release.cli.clouds import Asked, ask_cloud
from tests.plans.paper import paper_account
from tests.rehearsal.cloud.client import Client
from tests.release.cli.planted import buckets, like

TAG = "site-web-ab12cd"
ANYWHERE = {"addresses": ["0.0.0.0/0", "::/0"]}
OPEN = [
    {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["203.0.113.0/24"]}},
    {"protocol": "tcp", "ports": "443", "sources": ANYWHERE},
    {"protocol": "icmp", "ports": "0", "sources": ANYWHERE},
]
AGAIN = "pulumi up --refresh -s staging"


@dataclass
class Account:
    """An account with one environment in it, and what its stack recorded."""

    api: Client
    made: dict[str, Any]
    buckets: dict[str, int] = field(default_factory=dict)

    @property
    def machine(self) -> str:
        return str(self.made["machines"]["web-1"]["id"])

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        return self.api(method, path.format(**self.made, machine=self.machine, db=self.made["database"]["id"]), body)

    def droplet(self, *tags: str) -> int:
        body = {"name": "web", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "tags": list(tags)}
        id = int(self.api("POST", "/droplets", body)["droplet"]["id"])
        self.api.until(f"/droplets/{id}", lambda found: found["droplet"]["status"] == "active")
        return id

    def ask(self) -> Asked:
        return ask_cloud({"cloud": self.made}, stack="staging")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Client]:
    """A new account."""
    with paper_account(tmp_path) as (_, url):
        yield Client(url)


@pytest.fixture
def account(api: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Everything as the stack made it."""
    monkeypatch.setenv("DIGITALOCEAN_API_URL", api.url)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "local-test")
    account = Account(api, {"name": "digitalocean", "tag": TAG}, {"media": 403, "releases": 403})
    api("POST", "/tags", {"name": TAG})
    account.made["machines"] = {"web-1": {"id": str(account.droplet(TAG)), "size": "s-1vcpu-1gb"}}
    wall = {"name": "wall", "tags": [TAG], "inbound_rules": OPEN, "outbound_rules": []}
    account.made["firewall"] = {
        "id": api("POST", "/firewalls", wall)["firewall"]["id"],
        "inbound": "icmp; tcp 22 from 203.0.113.0/24; tcp 443",
    }
    account.made["address"] = api("POST", "/reserved_ips", {"region": "fra1"})["reserved_ip"]["ip"]
    _assign(account, int(account.machine))
    account.made["database"] = _database(api)
    account("PUT", "/databases/{db}/firewall", {"rules": [{"type": "tag", "value": TAG}]})
    api("POST", "/domains", {"name": "example.org"})
    record = {"type": "A", "name": "www", "data": account.made["address"], "ttl": 300}
    account.made["record"] = api("POST", "/domains/example.org/records", record)["domain_record"]["id"]
    account.made["records"] = {"www.example.org": {"zone": "example.org", "name": "www"}}
    with buckets(account.buckets) as urls:
        account.made["buckets"] = urls
        yield account


def _database(api: Client) -> dict[str, Any]:
    body = {
        "name": "database",
        "engine": "pg",
        "version": "17",
        "size": "db-s-1vcpu-1gb",
        "region": "fra1",
        "num_nodes": 1,
    }
    made = api("POST", "/databases", body)["database"]
    api.until(f"/databases/{made['id']}", lambda found: found["database"]["status"] == "online")
    host = made["private_connection"]["host"]
    return {"id": made["id"], "size": "db-s-1vcpu-1gb", "host": host}


def _assign(account: Account, machine: int | None) -> None:
    body = {"type": "assign", "droplet_id": machine} if machine else {"type": "unassign"}
    path = f"/reserved_ips/{account.made['address']}"
    account.api("POST", f"{path}/actions", body)
    account.api.until(path, lambda found: (found["reserved_ip"]["droplet"] or {}).get("id") == machine)


def _given_back(account: Account) -> None:
    _assign(account, None)
    account("DELETE", "/reserved_ips/{address}")


def _off(account: Account) -> None:
    account("POST", "/droplets/{machine}/actions", {"type": "power_off"})
    account.api.until(f"/droplets/{account.machine}", lambda found: found["droplet"]["status"] == "off")


def _gone(account: Account) -> None:
    account("DELETE", "/droplets/{machine}")


def _loosened(account: Account) -> None:
    rules = [*OPEN, {"protocol": "tcp", "ports": "5432", "sources": ANYWHERE}]
    _wall(account, tags=[TAG], inbound_rules=rules)


def _wall(account: Account, **about: Any) -> None:
    wall = {"name": "wall", "tags": [], "inbound_rules": OPEN, "outbound_rules": [], **about}
    account("PUT", f"/firewalls/{account.made['firewall']['id']}", wall)


def _second_wall(account: Account) -> None:
    rules = [{"protocol": "tcp", "ports": "8000", "sources": ANYWHERE}, OPEN[1]]
    account("POST", "/firewalls", {"name": "more", "tags": [TAG], "inbound_rules": rules, "outbound_rules": []})


def _record(account: Account, **about: Any) -> None:
    account("PUT", "/domains/example.org/records/{record}", {"type": "A", **about})


# What is done at the cloud behind the stack's back; what is then told, and the way out.
PLANTED: dict[str, tuple[Callable[[Account], Any], str, str]] = {
    "machine off": (_off, "server web-1 (.*): should be s-1vcpu-1gb, active (got s-1vcpu-1gb, off)", "power-on"),
    "machine deleted": (_gone, "server web-1 (.*): should be s-1vcpu-1gb, active (got missing)", AGAIN),
    "one machine too many": (
        lambda account: account.droplet(TAG),
        "another server (.*): should be none (got web, active)",
        "doctl compute droplet delete",
    ),
    "tag taken off": (
        lambda account: account("DELETE", "/tags/{tag}/resources", _resource(account)),
        f"server web-1's tag: should be {TAG} (got none)",
        AGAIN,
    ),
    "address unassigned": (
        lambda account: _assign(account, None),
        "address .*: should be of web-1 (got of nobody)",
        AGAIN,
    ),
    "address elsewhere": (
        lambda account: _assign(account, account.droplet()),
        "address .*: should be of web-1 (got of web (.*))",
        AGAIN,
    ),
    "address given back": (
        _given_back,
        "address .*: should be of web-1 (got missing)",
        AGAIN,
    ),
    "a port more": (_loosened, "firewall: should be icmp; .* (got icmp; .*; tcp 443; tcp 5432)", AGAIN),
    "firewall taken off the tag": (_wall, "firewall: should be .* (got not in front of the servers)", AGAIN),
    "a second firewall": (
        _second_wall,
        "another firewall (more): should be none (got tcp 8000)",
        "doctl compute firewall delete",
    ),
    "database deleted": (
        lambda account: account("DELETE", "/databases/{db}"),
        "database: should be db-s-1vcpu-1gb, online (got missing)",
        f"bring its backup back at DigitalOcean first: {AGAIN} makes an empty one",
    ),
    "database open to everybody": (
        lambda account: account("PUT", "/databases/{db}/firewall", {"rules": []}),
        f"database is open to: should be tag {TAG} (got everybody)",
        AGAIN,
    ),
    "database closed to the servers": (
        lambda account: account(
            "PUT", "/databases/{db}/firewall", {"rules": [{"type": "ip_addr", "value": "192.0.2.1"}]}
        ),
        f"database is open to: should be tag {TAG} (got ip_addr 192.0.2.1)",
        AGAIN,
    ),
    "record changed": (
        lambda account: _record(account, data="192.0.2.9"),
        "record www.example.org: should be A .* (got A 192.0.2.9)",
        AGAIN,
    ),
    "record deleted": (
        lambda account: account("DELETE", "/domains/example.org/records/{record}"),
        "record www.example.org: should be A .* (got missing)",
        AGAIN,
    ),
    "a second record": (
        lambda account: account("POST", "/domains/example.org/records", _six()),
        "record www.example.org: should be A .* (got A .*, AAAA 2001:db8::9)",
        AGAIN,
    ),
    "bucket deleted": (
        lambda account: account.buckets.pop("media"),
        "bucket media: should be there (got missing)",
        f"what was in it is gone, {AGAIN} makes an empty one",
    ),
    "bucket open": (
        lambda account: account.buckets.update(media=200),
        "bucket media: should be there (got there, and open to everybody)",
        f"everybody), {AGAIN}",
    ),
}


def _resource(account: Account) -> Any:
    return {"resources": [{"resource_id": account.machine, "resource_type": "droplet"}]}


def _six() -> Any:
    return {"type": "AAAA", "name": "www", "data": "2001:db8::9", "ttl": 300}


def test_all_agree(account: Account) -> None:
    asked = account.ask()
    assert asked.reason == ""
    assert [row.line for row in asked.rows if not row.agrees] == []
    assert len(asked.rows) == 8


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_changed_behind_the_stack_is_told(account: Account, planted: str) -> None:
    change, told, remedy = PLANTED[planted]
    change(account)
    lines = [row.line for row in account.ask().rows if not row.agrees]
    assert any(like(told, line) and remedy in line for line in lines), lines


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DIGITALOCEAN_TOKEN", "", "no token: set DIGITALOCEAN_TOKEN, as for pulumi up"),
        ("DIGITALOCEAN_TOKEN", "expired", "refuses the token (401)"),
        ("DIGITALOCEAN_API_URL", "http://127.0.0.1:9", "does not answer"),
    ],
)
def test_a_cloud_that_cannot_be_asked(
    account: Account, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    monkeypatch.setenv(name, value)
    asked = account.ask()
    assert asked.rows == ()
    assert reason in asked.reason
