"""Droplets, VPCs, firewalls and reserved IPs as DigitalOcean does them."""

from __future__ import annotations

from typing import Any

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.ports import Rule
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzHJfMCBRVZ5WYkmpGzfXmZcoQTTTNpWvDCr3zMUXUJ someone"
ORDER: dict[str, Any] = {"name": "web-1", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64"}


def order(api: Client, **more: Any) -> dict[str, Any]:
    """Order a droplet and wait for it."""
    made = api("POST", "/droplets", {**ORDER, **more})
    return dict(ready(api, made["droplet"]["id"]))


def ready(api: Client, id: int) -> Any:
    """Wait until nothing happens to a droplet any more."""
    return api.until(f"/droplets/{id}", lambda body: not body["droplet"]["locked"])["droplet"]


def test_birth_of_a_droplet(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """It is new, locked and without addresses until the machine runs; then active."""
    key = api("POST", "/account/keys", {"name": "me", "public_key": KEY})["ssh_key"]
    vpc = api("POST", "/vpcs", {"name": "site", "region": "fra1"})["vpc"]
    paper.gate.clear()
    made = api(
        "POST", "/droplets", {**ORDER, "ssh_keys": [key["fingerprint"]], "vpc_uuid": vpc["id"], "user_data": "#x"}
    )
    droplet, action = made["droplet"], made["links"]["actions"][0]["id"]
    assert (droplet["status"], droplet["locked"], droplet["networks"]["v4"]) == ("new", True, [])
    assert api("GET", f"/actions/{action}")["action"]["completed_at"] is None
    refused = api("POST", f"/droplets/{droplet['id']}/actions", {"type": "reboot"}, status=422)
    assert refused["message"] == "Droplet already has a pending event."
    paper.gate.set()
    droplet = ready(api, droplet["id"])
    assert droplet["status"] == "active"
    assert api("GET", f"/actions/{action}")["action"]["status"] == "completed"
    addresses = {net["type"]: net["ip_address"] for net in droplet["networks"]["v4"]}
    about = paper.machines[droplet["id"]].about
    assert (about["public_ip"], about["private_ip"]) == (addresses["public"], addresses["private"])
    assert (about["user_data"], about["ssh_keys"], about["vpc_range"]) == ("#x", [KEY], vpc["ip_range"])
    assert paper.networks == {vpc["id"]: vpc["ip_range"]}


def test_death_of_a_droplet(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """It is gone with its machine; its VPC cannot be deleted before."""
    vpc = api("POST", "/vpcs", {"name": "site", "region": "fra1"})["vpc"]
    droplet = order(api, vpc_uuid=vpc["id"])
    paper.gate.clear()
    api("DELETE", f"/droplets/{droplet['id']}", status=204)
    assert api("GET", f"/droplets/{droplet['id']}")["droplet"]["locked"]
    assert api("DELETE", f"/vpcs/{vpc['id']}", status=409)["message"] == "Can not delete VPC with members"
    paper.gate.set()
    assert cloud.settle()
    api("GET", f"/droplets/{droplet['id']}", status=404)
    api("DELETE", f"/vpcs/{vpc['id']}", status=204)
    assert (paper.machines, paper.networks) == ({}, {})


def test_a_machine_that_cannot_be_made_vanishes(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """As on the real cloud when it has no room: the order is taken, the droplet is gone, the action errored."""
    paper.refuse = {"create_machine"}
    made = api("POST", "/droplets", ORDER)
    assert cloud.settle()
    api("GET", f"/droplets/{made['droplet']['id']}", status=404)
    assert api("GET", f"/actions/{made['links']['actions'][0]['id']}")["action"]["status"] == "errored"
    assert [event["cause"] for event in cloud.events if event["event"] == "failed"] == [
        "create_machine: refused on purpose"
    ]


def test_refused_orders(api: Client) -> None:
    """Every wrong part of an order has its own words."""
    wrong = {
        "size": "You specified an invalid size for Droplet creation.",
        "region": "You specified an invalid region for Droplet creation.",
        "image": "You specified an invalid image for Droplet creation.",
    }
    for name, message in wrong.items():
        assert api("POST", "/droplets", {**ORDER, name: "nonsense"}, status=422)["message"] == message
    api("POST", "/droplets", {**ORDER, "ssh_keys": ["12"]}, status=422)
    api("POST", "/droplets", {**ORDER, "name": "under_score"}, status=422)
    api("POST", "/droplets", {**ORDER, "user_data": "x" * 65537}, status=422)
    api("POST", "/droplets", {**ORDER, "image": "ubuntu-24-04-x64"}, status=501)


def test_power_and_size(api: Client, paper: PaperHypervisor) -> None:
    """A size changes only while the machine is off."""
    id = order(api)["id"]
    api("POST", f"/droplets/{id}/actions", {"type": "resize", "size": "s-1vcpu-2gb"}, status=422)
    for type, status, size in (
        ("power_off", "off", "s-1vcpu-1gb"),
        ("resize", "off", "s-1vcpu-2gb"),
        ("power_on", "active", "s-1vcpu-2gb"),
    ):
        action = api("POST", f"/droplets/{id}/actions", {"type": type, "size": "s-1vcpu-2gb"})["action"]
        api.until(f"/droplets/{id}/actions/{action['id']}", lambda body: body["action"]["completed_at"] is not None)
        droplet = ready(api, id)
        assert (droplet["status"], droplet["size_slug"]) == (status, size)
    assert paper.machines[id].state == "running"
    assert [a["type"] for a in api("GET", f"/droplets/{id}/actions")["actions"]] == [
        "power_on",
        "resize",
        "power_off",
        "create",
    ]


def test_a_machine_that_switches_itself_off(api: Client, paper: PaperHypervisor) -> None:
    """It is off, wherever one looks, though nobody asked the cloud for it; and it can be switched on again."""
    first, second = order(api)["id"], order(api, name="web-2")["id"]
    paper.machines[first].state = "stopped"
    assert api("GET", f"/droplets/{first}")["droplet"]["status"] == "off"
    paper.machines[second].state = "stopped"
    assert {droplet["status"] for droplet in api("GET", "/droplets")["droplets"]} == {"off"}
    api("POST", f"/droplets/{first}/actions", {"type": "power_on"})
    assert ready(api, first)["status"] == "active"


def test_a_firewall_by_tag_is_there_before_the_machine(api: Client, paper: PaperHypervisor) -> None:
    """A droplet born with a tag is never reachable without the tag's firewall."""
    rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0", "::/0"]}}
    inside = {"protocol": "tcp", "ports": "all", "sources": {"tags": ["site"]}}
    out = {"protocol": "udp", "ports": "0", "destinations": {"addresses": ["0.0.0.0/0"]}}
    body = {"name": "fw", "tags": ["site"], "inbound_rules": [rule, inside], "outbound_rules": [out]}
    wall = api("POST", "/firewalls", body)["firewall"]
    assert api("GET", f"/firewalls/{wall['id']}")["firewall"]["status"] == "succeeded"
    assert paper.firewalls == {}
    droplet = order(api, tags=["site"])
    assert paper.calls.index("create_machine") > max(i for i, c in enumerate(paper.calls) if c == "set_firewalls")
    (rules,) = paper.firewalls[droplet["id"]]
    own = tuple(net["ip_address"] for net in droplet["networks"]["v4"])
    assert rules.inbound[0] == Rule(protocol="tcp", ports="22", addresses=("0.0.0.0/0", "::/0"))
    assert (rules.inbound[1].ports, set(rules.inbound[1].addresses)) == ("", set(own))
    assert rules.outbound == (Rule(protocol="udp", ports="", addresses=("0.0.0.0/0",)),)
    api(
        "DELETE",
        "/tags/site/resources",
        {"resources": [{"resource_id": str(droplet["id"]), "resource_type": "droplet"}]},
    )
    assert paper.firewalls == {}


def test_firewall_changes(api: Client, paper: PaperHypervisor) -> None:
    """Droplets, tags and rules are put in and taken out one by one, or all at once."""
    id = order(api)["id"]
    web = {"protocol": "tcp", "ports": "80", "sources": {"addresses": ["0.0.0.0/0"]}}
    ssh = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["198.51.100.1"]}}
    wall = api("POST", "/firewalls", {"name": "fw", "inbound_rules": [web]})["firewall"]["id"]
    api("POST", f"/firewalls/{wall}/droplets", {"droplet_ids": [id]}, status=204)
    assert [r.ports for r in paper.firewalls[id][0].inbound] == ["80"]
    api("POST", f"/firewalls/{wall}/rules", {"inbound_rules": [ssh]}, status=204)
    api("DELETE", f"/firewalls/{wall}/rules", {"inbound_rules": [web]}, status=204)
    assert [r.ports for r in paper.firewalls[id][0].inbound] == ["22"]
    assert api("GET", f"/droplets/{id}/firewalls")["firewalls"][0]["id"] == wall
    api("DELETE", f"/firewalls/{wall}/droplets", {"droplet_ids": [id]}, status=204)
    assert paper.firewalls == {}
    api("PUT", f"/firewalls/{wall}", {"name": "fw", "droplet_ids": [id], "inbound_rules": [web]})
    assert id in paper.firewalls
    api("DELETE", f"/firewalls/{wall}", status=204)
    assert paper.firewalls == {}
    api("POST", "/firewalls", {"name": "fw"}, status=422)


def test_a_reserved_ip_moves(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """Assigned, moved away from a running machine, left behind when its machine goes, given back."""
    first, second = order(api)["id"], order(api, name="web-2")["id"]
    ip = api("POST", "/reserved_ips", {"region": "fra1"})["reserved_ip"]
    assert ip["droplet"] is None
    for target in (first, second):
        path = f"/reserved_ips/{ip['ip']}/actions"
        action = api("POST", path, {"type": "assign", "droplet_id": target})["action"]
        api.until(f"{path}/{action['id']}", lambda body: body["action"]["status"] == "completed")
        assert api("GET", f"/reserved_ips/{ip['ip']}")["reserved_ip"]["droplet"]["id"] == target
        assert paper.addresses == {ip["ip"]: target}
    api("DELETE", f"/droplets/{second}", status=204)
    assert cloud.settle()
    assert api("GET", f"/reserved_ips/{ip['ip']}")["reserved_ip"]["droplet"] is None
    api("POST", f"/reserved_ips/{ip['ip']}/actions", {"type": "unassign"}, status=422)
    api("DELETE", f"/reserved_ips/{ip['ip']}", status=204)
    api("GET", f"/reserved_ips/{ip['ip']}", status=404)
    other = api("POST", "/reserved_ips", {"droplet_id": first})
    assert [row["rel"] for row in other["links"]["actions"]] == ["assign_ip"]


def test_vpcs(api: Client) -> None:
    """A region's default VPC stays; ranges never overlap."""
    default = next(v for v in api("GET", "/vpcs?per_page=100")["vpcs"] if v["region"] == "fra1")
    assert default["default"]
    assert api("DELETE", f"/vpcs/{default['id']}", status=403)["id"] == "forbidden"
    vpc = api("POST", "/vpcs", {"name": "site", "region": "fra1", "ip_range": "10.20.0.0/20"})["vpc"]
    api("POST", "/vpcs", {"name": "other", "region": "fra1", "ip_range": "10.20.8.0/24"}, status=422)
    api("POST", "/vpcs", {"name": "site", "region": "fra1"}, status=422)
    renamed = api("PUT", f"/vpcs/{vpc['id']}", {"name": "new", "description": "d"})["vpc"]
    assert (renamed["name"], renamed["description"], renamed["default"]) == ("new", "d", False)
    order(api, vpc_uuid=vpc["id"])
    assert len(api("GET", f"/vpcs/{vpc['id']}/members")["members"]) == 1
    api("POST", "/droplets", {**ORDER, "region": "nyc3", "vpc_uuid": vpc["id"]}, status=422)
