"""What `slipway status` finds at Hetzner: disagreements planted one by one in the local API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from release.cli.clouds import Asked, ask_cloud
from tests.plans.paper import HCLOUD_TOKEN, paper_account
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner.orders import act, finished, network, order, volume
from tests.release.cli.planted import buckets, like

ANYWHERE = ["0.0.0.0/0", "::/0"]
LABELS = {"project": "site", "stack": "staging", "suffix": "ab12cd"}
SELECTOR = "project=site,stack=staging,suffix=ab12cd"
SSH = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["203.0.113.0/24"]}
WEB = {"direction": "in", "protocol": "tcp", "port": "443", "source_ips": ANYWHERE}
PING = {"direction": "in", "protocol": "icmp", "source_ips": ANYWHERE}
POSTGRES = {"direction": "in", "protocol": "tcp", "port": "5432", "source_ips": ANYWHERE}
AGAIN = "pulumi up --refresh -s staging"


@dataclass
class Project:
    """A project with one environment in it, and what its stack recorded."""

    api: Client
    made: dict[str, Any]
    floating: str = ""
    buckets: dict[str, int] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return f"/servers/{self.made['machines']['web-1']['id']}"

    @property
    def data(self) -> str:
        return f"/servers/{self.made['data']['id']}"

    @property
    def disk(self) -> str:
        return f"/volumes/{self.made['data']['disk']}"

    @property
    def record(self) -> str:
        return "/zones/example.org/rrsets/www/A"

    def wall(self, role: str) -> str:
        return f"/firewalls/{self.made['firewalls'][role]['id']}"

    def ask(self) -> Asked:
        return ask_cloud({"cloud": self.made}, stack="staging")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Everything as the stack made it."""
    with paper_account(tmp_path) as (_, url):
        monkeypatch.setenv("HCLOUD_ENDPOINT", f"{url}/v1")
        monkeypatch.setenv("HCLOUD_TOKEN", HCLOUD_TOKEN)
        api = Client(url, token=HCLOUD_TOKEN, root="/v1")
        project = Project(api, {"name": "hetzner", "selector": SELECTOR}, buckets={"media": 403, "backups": 403})
        _machines(project)
        _address(project)
        with buckets(project.buckets) as urls:
            project.made["buckets"] = urls
            yield project


def _machines(project: Project) -> None:
    """As ids are in a state: texts."""
    api, lan = project.api, network(project.api)
    walls = {"web": _wall(api, "web", SSH, WEB, PING), "database": _wall(api, "database", SSH, PING)}
    own = {"networks": [lan["id"]], "labels": LABELS}
    web = order(api, name="web", firewalls=[{"firewall": walls["web"]}], **own)
    data = order(api, name="database", firewalls=[{"firewall": walls["database"]}], **own)
    disk = volume(api, server=data["id"])
    project.made["machines"] = {"web-1": {"id": str(web["id"]), "size": "cx23"}}
    project.made["data"] = {"name": "database", "id": str(data["id"]), "size": "cx23", "disk": str(disk["id"])}
    ssh = "tcp 22 from 203.0.113.0/24"
    told = {"web": f"icmp; {ssh}; tcp 443", "database": f"icmp; {ssh}"}
    project.made["firewalls"] = {role: {"id": str(id), "inbound": told[role]} for role, id in walls.items()}


def _wall(api: Client, name: str, *rules: Any, at: int | None = None) -> int:
    applied = [{"type": "server", "server": {"id": at}}] if at else []
    made = api("POST", "/firewalls", {"name": name, "rules": list(rules), "apply_to": applied}, status=201)
    finished(api, *made["actions"])
    return int(made["firewall"]["id"])


def _address(project: Project) -> None:
    server = int(project.made["machines"]["web-1"]["id"])
    made = project.api("POST", "/floating_ips", {"type": "ipv4", "server": server}, status=201)
    finished(project.api, made["action"])
    ip = made["floating_ip"]["ip"]
    project.floating, project.made["address"] = f"/floating_ips/{made['floating_ip']['id']}", ip
    project.made["records"] = {"www.example.org": {"zone": "example.org", "name": "www"}}
    project.api("POST", "/zones", {"name": "example.org", "mode": "primary"}, status=201)
    _record(project, "A", ip)


def _record(project: Project, type: str, value: str) -> None:
    body = {"name": "www", "type": type, "ttl": 300, "records": [{"value": value}]}
    project.api("POST", "/zones/example.org/rrsets", body, status=201)


def _ended(project: Project, path: str) -> None:
    finished(project.api, project.api("DELETE", path)["action"])


def _resized(project: Project) -> None:
    act(project.api, project.web, "poweroff")
    act(project.api, project.web, "change_type", {"server_type": "cx33", "upgrade_disk": False})
    act(project.api, project.web, "poweron")


def _given_back(project: Project) -> None:
    act(project.api, project.floating, "unassign")
    project.api("DELETE", project.floating)


def _elsewhere(project: Project) -> None:
    server = order(project.api, name="other")
    act(project.api, project.floating, "assign", {"server": server["id"]})


def _disk_elsewhere(project: Project) -> None:
    act(project.api, project.disk, "detach")
    act(project.api, project.disk, "attach", {"server": int(project.web.rpartition("/")[2]), "automount": False})


def _disk_gone(project: Project) -> None:
    act(project.api, project.disk, "detach")
    project.api("DELETE", project.disk)


def _taken_off(project: Project) -> None:
    server = {"type": "server", "server": {"id": int(project.data.rpartition("/")[2])}}
    act(project.api, project.wall("database"), "remove_from_resources", {"remove_from": [server]})


def _second_wall(project: Project) -> None:
    _wall(project.api, "more", WEB, POSTGRES, at=int(project.web.rpartition("/")[2]))


def _wall_by_labels(project: Project) -> None:
    """In front of the machines without a word of them."""
    selected = {"type": "label_selector", "label_selector": {"selector": "stack=staging"}}
    body = {"name": "by labels", "rules": [POSTGRES], "apply_to": [selected]}
    finished(project.api, *project.api("POST", "/firewalls", body, status=201)["actions"])


# What is done at the cloud behind the stack's back; what is then told, and the way out.
PLANTED: dict[str, tuple[Callable[[Project], Any], str, str]] = {
    "machine off": (
        lambda project: act(project.api, project.web, "poweroff"),
        "server web-1 (.*): should be cx23, running (got cx23, off)",
        "hcloud server poweron",
    ),
    "machine deleted": (
        lambda project: _ended(project, project.web),
        "server web-1 (.*): should be cx23, running (got missing)",
        AGAIN,
    ),
    "the database's machine deleted": (
        lambda project: _ended(project, project.data),
        "server database (.*): should be cx23, running (got missing)",
        AGAIN,
    ),
    "another size": (_resized, "server web-1 (.*): should be cx23, running (got cx33, running)", AGAIN),
    "one machine too many": (
        lambda project: order(project.api, name="more", labels=LABELS),
        "another server (.*): should be none (got more, running)",
        "hcloud server delete",
    ),
    "labels taken off": (
        lambda project: project.api("PUT", project.web, {"labels": {}}),
        f"server web-1's labels: should be {SELECTOR} (got none)",
        AGAIN,
    ),
    "a port more": (
        lambda project: act(project.api, project.wall("web"), "set_rules", {"rules": [SSH, WEB, PING, POSTGRES]}),
        "firewall web: should be icmp; .*; tcp 443 (got icmp; .*; tcp 443; tcp 5432)",
        AGAIN,
    ),
    "SSH from everywhere": (
        lambda project: act(
            project.api, project.wall("database"), "set_rules", {"rules": [{**SSH, "source_ips": ANYWHERE}, PING]}
        ),
        "firewall database: should be icmp; tcp 22 from 203.0.113.0/24 (got icmp; tcp 22)",
        AGAIN,
    ),
    "firewall taken off": (_taken_off, "firewall database: should be .* (got not in front of the servers)", AGAIN),
    "a second firewall": (
        _second_wall,
        "another firewall (more): should be none (got tcp 5432)",
        "hcloud firewall delete",
    ),
    "a second firewall by labels": (
        _wall_by_labels,
        "another firewall (by labels): should be none (got tcp 5432)",
        "hcloud firewall delete",
    ),
    "address unassigned": (
        lambda project: act(project.api, project.floating, "unassign"),
        "address .*: should be of web-1 (got of nobody)",
        AGAIN,
    ),
    "address elsewhere": (_elsewhere, "address .*: should be of web-1 (got of server .*)", AGAIN),
    "address given back": (_given_back, "address .*: should be of web-1 (got missing)", AGAIN),
    "volume detached": (
        lambda project: act(project.api, project.disk, "detach"),
        "volume database: should be at database (got at nobody)",
        AGAIN,
    ),
    "volume elsewhere": (_disk_elsewhere, "volume database: should be at database (got at web-1)", AGAIN),
    "volume deleted": (
        _disk_gone,
        "volume database: should be at database (got missing)",
        f"restore its backup: {AGAIN} makes an empty one",
    ),
    "record changed": (
        lambda project: act(project.api, project.record, "set_records", {"records": [{"value": "192.0.2.9"}]}),
        "record www.example.org: should be A .* (got A 192.0.2.9)",
        AGAIN,
    ),
    "record deleted": (
        lambda project: project.api("DELETE", project.record),
        "record www.example.org: should be A .* (got missing)",
        AGAIN,
    ),
    "a second record": (
        lambda project: _record(project, "AAAA", "2001:db8::9"),
        "record www.example.org: should be A .* (got A .*, AAAA 2001:db8::9)",
        AGAIN,
    ),
    "bucket deleted": (
        lambda project: project.buckets.pop("media"),
        "bucket media: should be there (got missing)",
        f"what was in it is gone, {AGAIN} makes an empty one",
    ),
}


def test_all_agree(project: Project) -> None:
    asked = project.ask()
    assert asked.reason == ""
    assert [row.line for row in asked.rows if not row.agrees] == []
    assert len(asked.rows) == 9


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_changed_behind_the_stack_is_told(project: Project, planted: str) -> None:
    change, told, remedy = PLANTED[planted]
    change(project)
    lines = [row.line for row in project.ask().rows if not row.agrees]
    assert any(like(told, line) and remedy in line for line in lines), lines


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HCLOUD_TOKEN", "", "no token: set HCLOUD_TOKEN, as for pulumi up"),
        ("HCLOUD_TOKEN", "expired", "refuses the token (401)"),
        ("HCLOUD_ENDPOINT", "http://127.0.0.1:9/v1", "does not answer"),
    ],
)
def test_a_cloud_that_cannot_be_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    asked = project.ask()
    assert asked.rows == ()
    assert reason in asked.reason
