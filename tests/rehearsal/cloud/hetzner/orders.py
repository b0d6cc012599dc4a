"""What tests of Hetzner's API order, and how they wait for it."""

from __future__ import annotations

from typing import Any

from tests.rehearsal.cloud.client import Client

ORDER: dict[str, Any] = {"name": "web-1", "server_type": "cx23", "image": "debian-13", "location": "fsn1"}
RULE: dict[str, Any] = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"]}


def finished(api: Client, *actions: Any, status: str = "success") -> None:
    """Wait for actions as the official client does, and see how they ended."""
    query = "&".join(f"id={action['id']}" for action in actions)
    path = f"/actions?{query}&sort=status&sort=id&page=1"
    body = api.until(path, lambda body: all(a["status"] != "running" for a in body["actions"]))
    assert [a["status"] for a in body["actions"]] == [status] * len(actions), body["actions"]


def order(api: Client, **more: Any) -> Any:
    """Order a server and wait until it runs."""
    made = api("POST", "/servers", {**ORDER, **more}, status=201)
    finished(api, made["action"], *made["next_actions"])
    return api("GET", f"/servers/{made['server']['id']}")["server"]


def network(api: Client, name: str = "site", zone: str = "eu-central", **more: Any) -> Any:
    """Make a network with one subnet."""
    made = api("POST", "/networks", {"name": name, "ip_range": "10.0.0.0/16", **more}, status=201)["network"]
    subnet = {"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": zone}
    act(api, f"/networks/{made['id']}", "add_subnet", subnet)
    return api("GET", f"/networks/{made['id']}")["network"]


def volume(api: Client, name: str = "data", **more: Any) -> Any:
    """Make a volume and wait until it is there."""
    place = {} if "server" in more else {"location": "fsn1"}
    body = {"name": name, "size": 10, "format": "ext4", **place, **more}
    made = api("POST", "/volumes", body, status=201)
    finished(api, made["action"], *made["next_actions"])
    return api("GET", f"/volumes/{made['volume']['id']}")["volume"]


def act(api: Client, path: str, command: str, body: Any = None) -> Any:
    """Ask for an action and wait until it is done."""
    answer = api("POST", f"{path}/actions/{command}", body or {}, status=201)
    actions = answer.get("actions") or [answer["action"]]
    finished(api, *actions)
    return actions[0]


def refused(api: Client, method: str, path: str, body: Any = None, *, status: int) -> str:
    """Make a call that is refused; give the code."""
    return str(api(method, path, body, status=status)["error"]["code"])
