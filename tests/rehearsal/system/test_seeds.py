"""What is written on a new machine's disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rehearsal import paths
from rehearsal.cloud.ports import Nic
from rehearsal.system import lans, seeds, wiring

USER_DATA = '#cloud-config\n# "quoted", $dollars, üñïcödé and trailing spaces   \n'
NIC = Nic(network=11000001, ip_range="10.0.0.0/16", address="10.0.1.10", mac="86:00:c1:00:00:11")


def birth(**plug: object) -> seeds.Birth:
    attached = wiring.Plug(**{"machine": 17, "public": "198.51.100.17", **plug})  # type: ignore[arg-type]
    return seeds.Birth(plug=attached, name="web", user_data=USER_DATA, ssh_keys=["ssh-ed25519 A"], region="fsn1")


def test_nocloud_tells_what_hetzner_tells(tmp_path: Path) -> None:
    seeds.write(tmp_path, birth(memberships=lans.with_nic((), NIC)), "nocloud")
    seed = tmp_path / "var/lib/cloud/seed/nocloud"
    assert (seed / "user-data").read_bytes() == USER_DATA.encode()
    assert (seed / "user-data").stat().st_mode & 0o077 == 0
    about = json.loads((seed / "meta-data").read_text())
    assert (about["instance-id"], about["local-hostname"], about["public-keys"]) == ("17", "web", ["ssh-ed25519 A"])
    ethernets = json.loads((seed / "network-config").read_text())["ethernets"]
    assert ethernets["eth0"]["addresses"] == ["198.51.100.17/24"]
    assert ethernets["eth0"]["routes"] == [{"to": "0.0.0.0/0", "via": paths.GATEWAY}]
    assert ethernets["enp7s0"] == {
        "match": {"macaddress": NIC.mac},
        "addresses": ["10.0.1.10/32"],
        "routes": [{"to": "10.0.0.0/16", "scope": "link"}],
    }
    (settings,) = (tmp_path / "etc/cloud/cloud.cfg.d").iterdir()
    assert settings.read_text().splitlines() == ["datasource_list: [ NoCloud, None ]"]


def test_a_config_drive_tells_what_digitalocean_tells(tmp_path: Path) -> None:
    seeds.write(tmp_path, birth(private="10.100.0.2", vpc_range="10.100.0.0/20"), "config-drive")
    seed = tmp_path / "var/lib/cloud/seed/config_drive/openstack/latest"
    assert (seed / "user_data").read_bytes() == USER_DATA.encode()
    networks = json.loads((seed / "network_data.json").read_text())["networks"]
    assert [(each["link"], each["ip_address"]) for each in networks] == [
        ("eth0", "198.51.100.17"),
        ("eth1", "10.100.0.2"),
    ]


def test_interfaces_have_names_of_their_own_and_a_member_stays_one() -> None:
    other = Nic(network=11000002, ip_range="10.0.0.0/16", address="10.0.1.10", mac="86:00:c2:00:00:11")
    memberships = lans.with_nic(lans.with_nic((), NIC), other)
    assert [each.link for each in memberships] == ["enp7s0", "enp8s0"]
    assert lans.with_nic(memberships, NIC) == memberships
    assert [each.link for each in lans.with_nic(memberships[1:], NIC)] == ["enp8s0", "enp7s0"]
    names = [lans.outer_link(104000001, each.link) for each in memberships]
    assert all(len(name) <= 15 for name in [*names, lans.bridge(11000001)])


def test_a_plug_is_read_as_it_was_written(tmp_path: Path) -> None:
    plug = birth(memberships=lans.with_nic((), NIC), carries=True).plug
    assert wiring.read_plug(json.loads(json.dumps(asdict(plug)))) == plug
    assert wiring.read_plug({"machine": 17, "public": "198.51.100.17"}) == birth().plug  # of an earlier version
