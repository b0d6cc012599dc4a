"""Servers, from the order to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.app import open_cloud
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.recovery import recover
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner.orders import ORDER, act, finished, network, order, refused, volume
from tests.rehearsal.cloud.hetzner.test_door import KEY
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


def test_birth_of_a_server(api: Client, paper: PaperHypervisor) -> None:
    """It is locked until its machine runs; the machine gets what was ordered."""
    key = api("POST", "/ssh_keys", {"name": "me", "public_key": KEY})["ssh_key"]
    lan = network(api)
    paper.gate.clear()
    made = api(
        "POST",
        "/servers",
        {**ORDER, "ssh_keys": [key["id"]], "networks": [lan["id"]], "user_data": "#x", "labels": {"site": "blog"}},
        status=201,
    )
    server, actions = made["server"], [made["action"], *made["next_actions"]]
    assert [action["command"] for action in actions] == ["create_server", "start_server"]
    assert (server["locked"], server["status"], made["root_password"]) == (True, "initializing", None)
    assert refused(api, "POST", f"/servers/{server['id']}/actions/reboot", status=423) == "locked"
    assert refused(api, "DELETE", f"/servers/{server['id']}", status=423) == "locked"
    paper.gate.set()
    finished(api, *actions)
    server = api("GET", f"/servers/{server['id']}")["server"]
    assert (server["status"], server["locked"]) == ("running", False)
    about = paper.machines[server["id"]].about
    assert (about["public_ip"], about["private_ip"]) == (server["public_net"]["ipv4"]["ip"], None)
    assert (about["user_data"], about["ssh_keys"], about["seed"]) == ("#x", [KEY], "nocloud")
    (nic,) = about["nics"]
    (net,) = server["private_net"]
    assert (nic.network, nic.ip_range, nic.address) == (lan["id"], "10.0.0.0/16", "10.0.1.1")
    assert (net["ip"], net["mac_address"]) == (nic.address, nic.mac)
    assert api("GET", f"/networks/{lan['id']}")["network"]["servers"] == [server["id"]]
    assert server["public_net"]["ipv6"]["ip"].startswith("2001:db8:")


def test_a_server_that_waits_is_born_when_it_is_switched_on(api: Client, paper: PaperHypervisor) -> None:
    """As the official plugin orders those without a public network: networks first, then on."""
    lan = network(api)
    public = {"enable_ipv4": False, "enable_ipv6": False}
    server = order(api, start_after_create=False, public_net=public)
    assert (server["status"], server["public_net"]["ipv4"], paper.machines) == ("off", None, {})
    act(api, f"/servers/{server['id']}", "attach_to_network", {"network": lan["id"], "ip": "10.0.1.10"})
    act(api, f"/servers/{server['id']}", "poweron")
    about = paper.machines[server["id"]].about
    assert (about["public_ip"], [nic.address for nic in about["nics"]]) == (None, ["10.0.1.10"])
    floating = {"type": "ipv4", "server": server["id"]}
    assert refused(api, "POST", "/floating_ips", floating, status=422) == "invalid_input"
    here = {"name": "web", "apply_to": [{"type": "server", "server": {"id": server["id"]}}]}
    assert refused(api, "POST", "/firewalls", here, status=422) == "private_net_only_server"


def test_death_of_a_server(api: Client, paper: PaperHypervisor) -> None:
    """Its address goes with it; its volume, floating address and network stay, and belong to nobody."""
    lan, disk = network(api), volume(api)
    server = order(api, networks=[lan["id"]])
    floating = api("POST", "/floating_ips", {"type": "ipv4", "server": server["id"]}, status=201)
    finished(api, floating["action"])
    act(api, f"/volumes/{disk['id']}", "attach", {"server": server["id"]})
    assert paper.volumes[disk["id"]].machine == server["id"]
    answer = api("DELETE", f"/servers/{server['id']}", status=200)
    finished(api, answer["action"])
    assert refused(api, "GET", f"/servers/{server['id']}", status=404) == "not_found"
    assert api("GET", f"/servers?name={server['id']}")["servers"] == []
    assert api("GET", f"/volumes/{disk['id']}")["volume"]["server"] is None
    assert api("GET", f"/floating_ips/{floating['floating_ip']['id']}")["floating_ip"]["server"] is None
    assert api("GET", f"/networks/{lan['id']}")["network"]["servers"] == []
    assert api("GET", "/primary_ips")["primary_ips"] == []
    assert (paper.machines, paper.addresses, paper.lans) == ({}, {}, {})
    assert paper.volumes[disk["id"]].machine is None


def test_a_machine_that_cannot_be_made(api: Client, paper: PaperHypervisor) -> None:
    """The order is taken, the action ends in an error, the server is there and off."""
    paper.refuse = {"create_machine"}
    made = api("POST", "/servers", ORDER, status=201)
    finished(api, *made["next_actions"], status="error")
    assert api("GET", f"/servers/{made['server']['id']}")["server"]["status"] == "off"
    paper.refuse = set()
    act(api, f"/servers/{made['server']['id']}", "poweron")


def test_no_capacity_is_412(api: Client, cloud: Cloud) -> None:
    cloud.faults.add({"method": "POST", "path": "/v1/servers", "status": 412})
    assert refused(api, "POST", "/servers", ORDER, status=412) == "resource_unavailable"
    order(api)


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"name": "with space"}, 422, "invalid_input"),
        ({"server_type": "cpx11"}, 422, "invalid_input"),  # not sold in fsn1
        ({"server_type": "huge"}, 422, "invalid_input"),
        ({"server_type": "cax11"}, 501, "not_implemented"),
        ({"image": "debian-12"}, 501, "not_implemented"),
        ({"location": "mars"}, 422, "invalid_input"),
        ({"ssh_keys": [4711]}, 404, "not_found"),
        ({"networks": [4711]}, 404, "not_found"),
        ({"firewalls": [{"firewall": 4711}]}, 404, "not_found"),
        ({"user_data": "x" * 40000}, 422, "invalid_input"),
        ({"labels": {"a b": ""}}, 422, "invalid_input"),
        ({"datacenter": "fsn1-dc14"}, 422, "deprecated_api_endpoint"),
    ],
)
def test_wrong_orders_leave_nothing(api: Client, cloud: Cloud, wrong: Any, status: int, code: str) -> None:
    assert refused(api, "POST", "/servers", {**ORDER, **wrong}, status=status) == code
    tables = cloud.store.state.hetzner
    assert (tables.servers, tables.primary_ips, tables.actions) == ({}, {}, {})


def test_names_are_unique(api: Client) -> None:
    order(api)
    assert refused(api, "POST", "/servers", ORDER, status=409) == "uniqueness_error"


def test_protection(api: Client) -> None:
    server = order(api)
    path = f"/servers/{server['id']}"
    act(api, path, "change_protection", {"delete": True, "rebuild": True})
    assert refused(api, "DELETE", path, status=423) == "protected"
    act(api, path, "change_protection", {"delete": False, "rebuild": False})
    finished(api, api("DELETE", path)["action"])


def test_power_and_size(api: Client, paper: PaperHypervisor) -> None:
    server = order(api)
    path = f"/servers/{server['id']}"
    larger = {"server_type": "cx33", "upgrade_disk": False}
    assert refused(api, "POST", f"{path}/actions/change_type", larger, status=422) == "server_not_stopped"
    for command, status in (("poweroff", "off"), ("poweron", "running"), ("reboot", "running"), ("shutdown", "off")):
        act(api, path, command)
        assert api("GET", path)["server"]["status"] == status
    act(api, path, "change_type", larger)
    server = api("GET", path)["server"]
    assert (server["server_type"]["name"], server["primary_disk_size"]) == ("cx33", 40)
    assert [a["command"] for a in api("GET", f"{path}/actions?sort=id:desc&per_page=1")["actions"]] == [
        "change_server_type"
    ]


def test_a_server_that_switched_itself_off_is_off(api: Client, paper: PaperHypervisor) -> None:
    server = order(api)
    paper.machines[server["id"]].state = "stopped"
    assert api("GET", f"/servers/{server['id']}")["server"]["status"] == "off"


def test_labels_choose_servers(api: Client) -> None:
    order(api, labels={"role": "web", "stack": "staging"})
    order(api, name="db-1", labels={"role": "database", "stack": "staging"})
    found = api("GET", "/servers?label_selector=stack%3Dstaging,role!%3Dweb")["servers"]
    assert [server["name"] for server in found] == ["db-1"]
    assert refused(api, "GET", "/servers?label_selector=%3D%3D", status=422) == "invalid_input"


def test_a_daemon_that_follows_another_finishes_what_it_began(
    tmp_path: Path, api: Client, cloud: Cloud, paper: PaperHypervisor
) -> None:
    """An order, a death, an attachment and a moving address come to their ends; what stood is put back."""
    dying, standing, disk = order(api, name="dying"), order(api, name="standing"), volume(api)
    kept = api("POST", "/floating_ips", {"type": "ipv4", "server": standing["id"]}, status=201)
    finished(api, kept["action"])
    paper.gate.clear()
    born = api("POST", "/servers", {**ORDER, "name": "born"})["server"]
    api("DELETE", f"/servers/{dying['id']}")
    api("POST", f"/volumes/{disk['id']}/actions/attach", {"server": standing["id"]})
    copy = tmp_path / "second"
    copy.mkdir()
    (copy / "state.json").write_bytes(cloud.store.path.read_bytes())
    fresh = PaperHypervisor()
    fresh.machines, fresh.volumes = dict(paper.machines), dict(paper.volumes)
    second = open_cloud(directory=copy, hypervisor=fresh)
    recover(second)
    assert second.settle()
    tables = second.store.state.hetzner
    assert {server.name: server.status for server in tables.servers.values()} == {
        "standing": "running",
        "born": "running",
    }
    assert {action.status for action in tables.actions.values()} == {"success"}
    assert set(fresh.machines) == {standing["id"], born["id"]}
    assert fresh.volumes[disk["id"]].machine == standing["id"]
    assert fresh.addresses == {kept["floating_ip"]["ip"]: standing["id"]}
