"""Hetzner's servers for real: born from user data, in private networks, with a volume and an address that move."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.stage import Done, Stage, wait_until

pytestmark = pytest.mark.rehearsal
USER_DATA = """#cloud-config
write_files:
  - path: /etc/systemd/system/address.service
    content: |
      [Service]
      Type=oneshot
      ExecStart=ip address replace {address}/32 dev lo
      [Install]
      WantedBy=multi-user.target
runcmd:
  - systemctl enable --now address.service
  - systemd-run --unit=web python3 -m http.server 8000 --directory /etc/systemd/system
"""
RULES = [{"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"]}]


@dataclass
class Project:
    """A project at the rehearsal's Hetzner, spoken to as any HTTP client would."""

    stage: Stage
    key: Path
    servers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call, wait for all actions it began, give the answer."""
        data = "" if body is None else "-H 'Content-Type: application/json' --json @-"
        header = '-H "Authorization: Bearer $HCLOUD_TOKEN"'
        command = f"inside curl -sS --fail-with-body -X {method} {header} {data} $HCLOUD_ENDPOINT{path}"
        said = self.stage.type(command, input=None if body is None else json.dumps(body)).stdout
        answer = json.loads(said or "{}")
        begun = [answer.get("action"), *answer.get("next_actions", ()), *answer.get("actions", ())]
        if method != "GET":
            self.finished([action["id"] for action in begun if action])
        return answer

    def finished(self, ids: list[int]) -> None:
        def found() -> list[Any]:
            return list(self("GET", f"/actions?{'&'.join(f'id={id}' for id in ids)}")["actions"])

        if ids:
            wait_until(lambda: all(a["status"] != "running" for a in found()), limit=60, what=f"actions {ids}")
            assert not [action for action in found() if action["status"] == "error"], self.stage.cloud("events")

    def order(self, name: str, **more: Any) -> None:
        body = {"name": name, "server_type": "cx23", "image": "debian-13", "location": "fsn1", **more}
        made = self("POST", "/servers", {**body, "ssh_keys": ["me"], "labels": {"role": "test"}})
        self.servers[name] = made["server"]

    def public(self, name: str) -> str:
        return str(self.servers[name]["public_net"]["ipv4"]["ip"])

    def ssh(self, address: str, script: str, *, check: bool = True) -> Done:
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=2"
        return self.stage.type(f"inside ssh -i {self.key} {options} root@{address} bash -es", input=script, check=check)

    def out(self, name: str, script: str) -> str:
        return self.ssh(self.public(name), script).stdout.strip()

    def ready(self, name: str) -> None:
        def booted() -> bool:
            return self.ssh(self.public(name), "cloud-init status --wait", check=False).returncode == 0

        wait_until(booted, limit=90, what=f"first boot of {name}")


@pytest.fixture(scope="module")
def project(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Three servers: `old` and `new` in one network, `alien` in another one with the same addresses."""
    key = tmp_path_factory.mktemp("hetzner") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    project = Project(stage, key)
    project("POST", "/ssh_keys", {"name": "me", "public_key": key.with_suffix(".pub").read_text()})
    chosen = {"type": "label_selector", "label_selector": {"selector": "role=test"}}
    project("POST", "/firewalls", {"name": "ssh", "rules": RULES, "apply_to": [chosen]})
    address = project("POST", "/floating_ips", {"type": "ipv4", "home_location": "fsn1", "name": "site"})["floating_ip"]
    subnets = [{"type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"}]
    lans = {
        name: project("POST", "/networks", {"name": name, "ip_range": "10.0.0.0/16", "subnets": subnets})["network"]
        for name in ("site", "other")
    }
    user_data = USER_DATA.format(address=address["ip"])
    project.order("old", user_data=user_data, networks=[lans["site"]["id"]])
    project.order("new", user_data=user_data)
    project.order("alien", user_data=user_data, networks=[lans["other"]["id"]])
    into = {"network": lans["site"]["id"], "ip": "10.0.1.10"}
    project("POST", f"/servers/{project.servers['new']['id']}/actions/attach_to_network", into)
    for name in project.servers:
        project.ready(name)
    yield project
    clean(project)


def clean(project: Project) -> None:
    """As a user would: everything goes, in an order that is allowed."""
    for server in project("GET", "/servers")["servers"]:
        project("DELETE", f"/servers/{server['id']}")
    for wall in project("GET", "/firewalls")["firewalls"]:
        project("POST", f"/firewalls/{wall['id']}/actions/remove_from_resources", {"remove_from": wall["applied_to"]})
    for table in ("firewalls", "volumes", "floating_ips", "networks", "ssh_keys"):
        for row in project("GET", f"/{table}")[table]:
            project("DELETE", f"/{table}/{row['id']}")


def test_a_server_is_what_its_user_data_says(project: Project) -> None:
    assert project.out("old", "cloud-init status; systemctl is-system-running; hostname") == (
        "status: done\nrunning\nold"
    )
    assert "NoCloud" in project.out("old", "cat /run/cloud-init/result.json")
    addresses = project.out("old", "ip -4 -brief address show dev enp7s0; ip route get 10.0.1.10")
    assert "10.0.1.1/32" in addresses
    assert "dev enp7s0" in addresses


def test_private_networks_are_apart_and_no_firewall_is_in_them(project: Project) -> None:
    """The other network's machine has the same address as one here, and is not the one that answers."""
    reach = "curl -s -o /dev/null -m 2 -w '%{http_code}' http://"
    assert project.out("old", f"{reach}10.0.1.10:8000/") == "200"
    assert project.out("new", f"{reach}10.0.1.1:8000/") == "200"
    assert project.out("alien", "ip -4 -brief address show dev enp7s0").split()[2] == "10.0.1.1/32"
    assert project.ssh(project.public("alien"), f"{reach}10.0.1.10:8000/ || true").stdout == "000"
    for address in (project.public("new"), project.public("alien")):  # the firewall lets in port 22 alone
        assert project.ssh(project.public("old"), f"{reach}{address}:8000/ || true").stdout == "000"


def test_a_floating_ip_moves_between_servers_that_carry_it(project: Project) -> None:
    """The packet comes with the floating address as its target: the machine sees it, nothing is translated."""
    (address,) = project("GET", "/floating_ips")["floating_ips"]
    for name in ("old", "new", "old"):
        path = f"/floating_ips/{address['id']}/actions/assign"
        project("POST", path, {"server": project.servers[name]["id"]})
        said = project.ssh(address["ip"], "hostname; echo $SSH_CONNECTION").stdout.split()
        assert (said[0], said[3]) == (name, address["ip"])
    assert address["ip"] not in project.out("old", "ip address show dev eth0")


def test_a_volume_goes_from_a_server_that_dies_to_another(project: Project) -> None:
    """It was mounted and written to when its server was deleted; what was synced is there, and it had one holder."""
    made = project("POST", "/volumes", {"name": "data", "size": 10, "location": "fsn1", "format": "ext4"})["volume"]
    path, device = f"/volumes/{made['id']}", made["linux_device"]
    project("POST", f"{path}/actions/attach", {"server": project.servers["old"]["id"]})
    project.out("old", f"mkdir /data; mount {device} /data; echo precious > /data/file; sync -f /data/file")
    project("DELETE", f"/servers/{project.servers.pop('old')['id']}")
    assert project("GET", path)["volume"]["server"] is None
    project("POST", f"{path}/actions/attach", {"server": project.servers["new"]["id"]})
    assert project.out("new", f"mkdir /data; mount {device} /data; cat /data/file; touch /data/mine") == "precious"
    assert_one_holder(project, made["id"])


def test_a_volume_that_is_pulled_is_written_to_no_more(project: Project) -> None:
    """Its server still has it mounted: it gets errors, and the next holder a file system that is whole."""
    (volume,) = project("GET", "/volumes")["volumes"]
    path, device = f"/volumes/{volume['id']}", volume["linux_device"]
    writing = "while echo line >> /data/log && sync -f /data/log; do sleep 0.02; done"
    project.out("new", f"systemd-run --quiet bash -c '{writing}'; sleep 0.5")
    project("POST", f"{path}/actions/detach", {})
    project("POST", f"{path}/actions/attach", {"server": project.servers["alien"]["id"]})
    assert "precious" in project.out("alien", f"mkdir /data; mount {device} /data; cat /data/file; touch /data/theirs")
    before = project.out("alien", "wc -l < /data/log")
    assert "Input/output error" in project.ssh(project.public("new"), "touch /data/mine 2>&1 || true").stdout
    time.sleep(0.5)
    assert (int(before) > 0, project.out("alien", "wc -l < /data/log")) == (True, before)
    assert project.out("alien", f"umount /data; fsck.ext4 -fn {device} > /dev/null 2>&1; echo $?") == "0"
    assert_one_holder(project, volume["id"])


def test_everything_is_there_again_after_a_reboot(project: Project) -> None:
    (volume,) = project("GET", "/volumes")["volumes"]
    before = project.out("alien", "cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic")
    project("POST", f"/servers/{project.servers['alien']['id']}/actions/reboot")
    project.ready("alien")
    assert "10.0.1.1/32" in project.out("alien", "ip -4 -brief address show dev enp7s0")
    assert project.out("alien", f"mount {volume['linux_device']} /data; cat /data/file") == "precious"
    after = project.out("alien", "cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic")
    assert after != before


def assert_one_holder(project: Project, volume: int) -> None:
    """By the event log: between two attachments there always is the end of the first."""
    events = [event for event in project.stage.cloud("events")["events"] if event.get("volume") == volume]
    assert one_holder(events), events


def one_holder(events: list[dict[str, Any]]) -> bool:
    """Whether a volume's events, by their clock, are attachments and detachments in turn."""
    kinds = [event["event"] for event in sorted(events, key=lambda event: event["clock"])]
    wanted = ["volume attached", "volume detached"]
    return bool(kinds) and all(kind == wanted[number % 2] for number, kind in enumerate(kinds))


def test_two_holders_would_be_seen() -> None:
    twice = [{"event": "volume attached", "clock": clock} for clock in (1.0, 2.0)]
    assert not one_holder(twice)
    assert not one_holder([])
