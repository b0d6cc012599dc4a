"""What a Hetzner project holds under a stack's names and in no state of it, read from the local cloud's API."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from release.cli.strays import find
from tests.plans.paper import HCLOUD_TOKEN, paper_account
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner.orders import network, order, volume
from tests.rehearsal.cloud.hetzner.test_door import KEY

URN = "urn:pulumi:staging::my shop::"
OURS = "my-shop-staging"


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with paper_account(tmp_path) as (_, url):
        monkeypatch.setenv("HCLOUD_ENDPOINT", f"{url}/v1")
        monkeypatch.setenv("HCLOUD_TOKEN", HCLOUD_TOKEN)
        yield Client(url, token=HCLOUD_TOKEN, root="/v1")


def state(*rows: tuple[str, Any]) -> dict[str, Any]:
    """A state as the engine exports it, with something of the cloud's in it."""
    own = ("subnet:Subnet", "1"), *rows
    held = [{"urn": f"{URN}x", "type": f"hcloud:index/{kind}", "id": str(id), "outputs": {}} for kind, id in own]
    return {"deployment": {"resources": [{"urn": f"{URN}pulumi:pulumi:Stack", "type": "pulumi:pulumi:Stack"}, *held]}}


def left_over(api: Client) -> list[tuple[str, str]]:
    """One of every kind, as the engine would call it."""
    made = api("POST", "/ssh_keys", {"name": f"{OURS}-login-1a2b3c4", "public_key": KEY}, status=201)["ssh_key"]
    wall = api("POST", "/firewalls", {"name": f"{OURS}-database-1a2b3c4"}, status=201)["firewall"]
    floating = {"type": "ipv4", "home_location": "fsn1", "name": f"{OURS}-address-1a2b3c4"}
    address = api("POST", "/floating_ips", floating, status=201)["floating_ip"]
    group = {"name": f"{OURS}-web-1a2b3c4", "type": "spread"}
    spread = api("POST", "/placement_groups", group, status=201)["placement_group"]
    rows = {
        "server": order(api, name=f"{OURS}-database-1a2b3c4"),
        "volume": volume(api, f"{OURS}-database-1a2b3c4"),
        "firewall": wall,
        "network": network(api, f"{OURS}-network-1a2b3c4"),
        "SSH key": made,
        "address": address,
        "placement group": spread,
    }
    return [(what, str(row["id"])) for what, row in rows.items()]


def test_only_what_is_ours_and_unknown_is_named(api: Client) -> None:
    known = order(api, name=f"{OURS}-web-1-0000001")
    held = volume(api, f"{OURS}-database-0000001")
    order(api, name=f"{OURS}-eu-web-1-0000002")
    order(api, name="somebody-else")
    volume(api, f"{OURS}-database-of-mine")
    left = left_over(api)
    found = find(state(("server:Server", known["id"]), ("volume:Volume", held["id"])))
    assert [(each.what, each.id) for each in found] == left


def test_the_commands_remove_them(api: Client) -> None:
    left = left_over(api)
    found = find(state())
    assert len(found) == len(left)
    environment = {"HCLOUD_ENDPOINT": f"{api.url}/v1", "HCLOUD_TOKEN": api.token, "PATH": "/usr/bin:/bin"}
    for stray in found:
        plain = stray.command.rpartition(", or ")[2]
        subprocess.run(["sh", "-c", plain], env=environment, check=True, capture_output=True)
    api.until("/servers", lambda body: not body["servers"])
    assert find(state()) == []
