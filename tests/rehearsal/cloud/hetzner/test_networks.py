"""Private networks, public addresses and firewalls."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.ports import Rule
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner.orders import ORDER, RULE, act, finished, network, order, refused
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


def test_networks_may_have_the_same_addresses(api: Client, paper: PaperHypervisor) -> None:
    one, other = network(api, "one"), network(api, "other")
    assert one["subnets"][0]["gateway"] == "10.0.0.1"
    assert paper.bridges == {one["id"], other["id"]}
    server = order(api, networks=[one["id"]])
    body = {"network": other["id"]}
    path = f"/servers/{server['id']}"
    assert refused(api, "POST", f"{path}/actions/attach_to_network", body, status=422) == "networks_overlap"
    act(api, path, "detach_from_network", {"network": one["id"]})
    act(api, path, "attach_to_network", body)
    assert set(paper.lans) == {(server["id"], other["id"])}
    api("DELETE", f"/networks/{other['id']}", status=204)
    assert (paper.lans, paper.bridges) == ({}, {one["id"]})
    assert api("GET", path)["server"]["private_net"] == []


def test_addresses_in_a_network(api: Client) -> None:
    lan = network(api)
    first, second = order(api, networks=[lan["id"]]), order(api, name="web-2")
    assert first["private_net"][0]["ip"] == "10.0.1.1"
    join = f"/servers/{second['id']}/actions/attach_to_network"
    for wanted, status, code in (
        ({"ip": "10.0.1.1"}, 422, "ip_not_available"),
        ({"ip": "10.0.9.9"}, 422, "invalid_input"),
        ({"ip_range": "10.0.9.0/24"}, 422, "no_subnet_available"),
    ):
        assert refused(api, "POST", join, {"network": lan["id"], **wanted}, status=status) == code
    act(api, f"/servers/{second['id']}", "attach_to_network", {"network": lan["id"]})
    assert refused(api, "POST", join, {"network": lan["id"]}, status=422) == "server_already_attached"
    ip = {"network": lan["id"], "alias_ips": ["10.0.1.77"]}
    act(api, f"/servers/{second['id']}", "change_alias_ips", ip)
    (net,) = api("GET", f"/servers/{second['id']}")["server"]["private_net"]
    assert (net["ip"], net["alias_ips"]) == ("10.0.1.2", ["10.0.1.77"])
    gone = {"ip_range": "10.0.1.0/24"}
    assert refused(api, "POST", f"/networks/{lan['id']}/actions/delete_subnet", gone, status=422) == "resource_in_use"


def test_a_network_of_another_zone_has_no_room(api: Client) -> None:
    far = network(api, zone="us-east")
    assert refused(api, "POST", "/servers", {**ORDER, "networks": [far["id"]]}, status=422) == "no_subnet_available"


@pytest.mark.parametrize("ip_range", ["8.8.0.0/16", "10.0.0.1/16", "all"])
def test_only_private_ranges_are_networks(api: Client, ip_range: str) -> None:
    body = {"name": "site", "ip_range": ip_range}
    assert refused(api, "POST", "/networks", body, status=422) == "invalid_input"


def test_a_protected_network_stays(api: Client) -> None:
    lan = network(api)
    act(api, f"/networks/{lan['id']}", "change_protection", {"delete": True})
    assert refused(api, "DELETE", f"/networks/{lan['id']}", status=423) == "protected"


def test_a_floating_ip_moves_between_running_servers(api: Client, paper: PaperHypervisor) -> None:
    blue, green = order(api, name="blue"), order(api, name="green")
    ip = api("POST", "/floating_ips", {"type": "ipv4", "home_location": "fsn1", "name": "site"})["floating_ip"]
    path = f"/floating_ips/{ip['id']}"
    for server in (blue, green):
        action = act(api, path, "assign", {"server": server["id"]})
        assert action["command"] == "assign_floating_ip"
        assert paper.addresses == {ip["ip"]: server["id"]}
        assert api("GET", path)["floating_ip"]["server"] == server["id"]
    assert api("GET", f"/servers/{green['id']}")["server"]["public_net"]["floating_ips"] == [ip["id"]]
    act(api, path, "unassign")
    assert (paper.addresses, api("GET", path)["floating_ip"]["server"]) == ({}, None)
    assert refused(api, "POST", f"{path}/actions/unassign", {}, status=422) == "floating_ip_not_assigned"
    far = order(api, name="far", location="ash", server_type="cpx11")
    assert refused(api, "POST", f"{path}/actions/assign", {"server": far["id"]}, status=422) == "invalid_input"
    assert refused(api, "POST", "/floating_ips", {"type": "ipv4", "home_location": "fsn1", "name": "site"}, status=409)
    act(api, path, "change_protection", {"delete": True})
    assert refused(api, "DELETE", path, status=423) == "protected"


def test_a_floating_ip_is_locked_while_it_moves(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    server = order(api)
    ip = api("POST", "/floating_ips", {"type": "ipv4", "home_location": "fsn1"})["floating_ip"]
    paper.gate.clear()
    rebooting = api("POST", f"/servers/{server['id']}/actions/reboot", {})["action"]
    body = {"server": server["id"]}
    assert refused(api, "POST", f"/floating_ips/{ip['id']}/actions/assign", body, status=423) == "locked"
    paper.gate.set()
    finished(api, rebooting)


def test_names_of_addresses(api: Client) -> None:
    server = order(api)
    address = server["public_net"]["ipv4"]["ip"]
    reverse = ".".join(reversed(address.split(".")))
    assert server["public_net"]["ipv4"]["dns_ptr"] == f"static.{reverse}.clients.your-server.de"
    ip = api("POST", "/floating_ips", {"type": "ipv4", "home_location": "fsn1"})["floating_ip"]
    for path, own in ((f"/servers/{server['id']}", address), (f"/floating_ips/{ip['id']}", ip["ip"])):
        act(api, path, "change_dns_ptr", {"ip": own, "dns_ptr": "www.example.org"})
        body = {"ip": "192.0.2.1", "dns_ptr": "www.example.org"}
        assert refused(api, "POST", f"{path}/actions/change_dns_ptr", body, status=422) == "invalid_input"
    assert api("GET", f"/servers/{server['id']}")["server"]["public_net"]["ipv4"]["dns_ptr"] == "www.example.org"
    (named,) = api("GET", f"/floating_ips/{ip['id']}")["floating_ip"]["dns_ptr"]
    assert named == {"ip": ip["ip"], "dns_ptr": "www.example.org"}
    act(api, f"/floating_ips/{ip['id']}", "change_dns_ptr", {"ip": ip["ip"], "dns_ptr": None})
    assert "your-server" in api("GET", f"/floating_ips/{ip['id']}")["floating_ip"]["dns_ptr"][0]["dns_ptr"]


def test_a_primary_ip_changes_hands_only_while_the_server_is_off(api: Client, paper: PaperHypervisor) -> None:
    server = order(api)
    path = f"/servers/{server['id']}"
    own = server["public_net"]["ipv4"]["id"]
    spare = api(
        "POST", "/primary_ips", {"name": "spare", "type": "ipv4", "location": "fsn1", "assignee_type": "server"}
    )
    spare = spare["primary_ip"]
    give = {"assignee_id": server["id"], "assignee_type": "server"}
    for id, command in ((own, "unassign"), (spare["id"], "assign")):
        assert refused(api, "POST", f"/primary_ips/{id}/actions/{command}", give, status=422) == "server_not_stopped"
    act(api, path, "poweroff")
    assert refused(api, "POST", f"/primary_ips/{spare['id']}/actions/assign", give, status=422) == "server_has_ipv4"
    act(api, f"/primary_ips/{own}", "unassign")
    act(api, f"/primary_ips/{spare['id']}", "assign", give)
    assert paper.machines[server["id"]].about["public_ip"] == spare["ip"]
    assert api("GET", path)["server"]["public_net"]["ipv4"]["ip"] == spare["ip"]
    api("DELETE", f"/primary_ips/{own}", status=204)


def everything(protocol: Any) -> Rule:
    return Rule(protocol=protocol, ports="", addresses=("0.0.0.0/0", "::/0"))


def test_a_firewall_guards_by_label_from_birth(api: Client, paper: PaperHypervisor) -> None:
    """What no rule lets in stays out; what goes out is free until a rule says what may."""
    chosen = {"type": "label_selector", "label_selector": {"selector": "role=web"}}
    made = api("POST", "/firewalls", {"name": "web", "rules": [RULE], "apply_to": [chosen]}, status=201)
    finished(api, *made["actions"])
    server, other = order(api, labels={"role": "web"}), order(api, name="other")
    assert paper.calls.index("set_firewalls") < paper.calls.index("create_machine")
    (rules,) = paper.firewalls[server["id"]]
    assert rules.inbound == (Rule(protocol="tcp", ports="22", addresses=("0.0.0.0/0",)),)
    assert rules.outbound == tuple(everything(protocol) for protocol in ("tcp", "udp", "icmp", "esp", "gre"))
    assert other["id"] not in paper.firewalls
    wall = api("GET", f"/firewalls/{made['firewall']['id']}")["firewall"]
    applied = [{"type": "server", "server": {"id": server["id"]}}]
    assert wall["applied_to"] == [{**chosen, "applied_to_resources": applied}]
    shown = api("GET", f"/servers/{server['id']}")["server"]["public_net"]["firewalls"]
    assert shown == [{"id": wall["id"], "status": "applied"}]
    api("PUT", f"/servers/{server['id']}", {"labels": {}})
    assert paper.firewalls == {}


def test_a_firewall_is_put_before_servers_and_taken_away(api: Client, paper: PaperHypervisor) -> None:
    wall = api("POST", "/firewalls", {"name": "web"}, status=201)["firewall"]
    path = f"/firewalls/{wall['id']}"
    server = order(api, firewalls=[{"firewall": wall["id"]}])
    assert paper.firewalls[server["id"]][0].inbound == ()
    here = [{"type": "server", "server": {"id": server["id"]}}]
    again = {"apply_to": here}
    assert refused(api, "POST", f"{path}/actions/apply_to_resources", again, status=422) == "firewall_already_applied"
    out = {"direction": "out", "protocol": "udp", "port": "53", "destination_ips": ["198.51.100.1/32"]}
    act(api, path, "set_rules", {"rules": [RULE, out]})
    (rules,) = paper.firewalls[server["id"]]
    assert rules.outbound == (Rule(protocol="udp", ports="53", addresses=("198.51.100.1/32",)),)
    assert refused(api, "DELETE", path, status=422) == "resource_in_use"
    act(api, path, "remove_from_resources", {"remove_from": here})
    assert paper.firewalls == {}
    api("DELETE", path, status=204)


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": None},
        {"protocol": "icmp"},
        {"source_ips": ["10.0.0.1/8"]},
        {"source_ips": []},
        {"direction": "up"},
        {"destination_ips": ["0.0.0.0/0"]},
    ],
)
def test_wrong_rules_are_refused(api: Client, wrong: Any) -> None:
    body = {"name": "web", "rules": [{**RULE, **wrong}]}
    assert refused(api, "POST", "/firewalls", body, status=422) == "invalid_input"


def test_placement_groups(api: Client) -> None:
    group = api("POST", "/placement_groups", {"name": "apart", "type": "spread"}, status=201)["placement_group"]
    server = order(api, placement_group=group["id"])
    assert server["placement_group"]["servers"] == [server["id"]]
    path = f"/servers/{server['id']}"
    join, body = f"{path}/actions/add_to_placement_group", {"placement_group": group["id"]}
    assert refused(api, "POST", join, body, status=422) == "server_not_stopped"
    act(api, path, "poweroff")
    assert refused(api, "POST", join, body, status=422) == "already_in_placement_group"
    api("DELETE", f"/placement_groups/{group['id']}", status=204)
    assert api("GET", path)["server"]["placement_group"] is None
