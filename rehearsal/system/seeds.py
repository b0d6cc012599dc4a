"""What a cloud writes on a new machine's disk: who the machine is, and the user data byte for byte."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

from rehearsal import paths, vendor
from rehearsal.system import wiring

Seed = Literal["config-drive", "nocloud"]
_SEEDS = Path("var/lib/cloud/seed")
# The image looks for a config drive only. The last file that names sources wins; the list has to be one line.
_NOCLOUD_ONLY = "datasource_list: [ NoCloud, None ]\n"


@dataclass(frozen=True, kw_only=True)
class Birth:
    """What a new machine is told."""

    plug: wiring.Plug
    name: str
    user_data: str
    ssh_keys: list[str]
    region: str


def write(upper: Path, birth: Birth, seed: Seed) -> None:
    """Write the seed as the cloud's own images expect it."""
    {"config-drive": _config_drive, "nocloud": _nocloud}[seed](upper, birth)


def _config_drive(upper: Path, birth: Birth) -> None:
    place = _place(upper, "config_drive/openstack/latest")
    (place / "meta_data.json").write_text(json.dumps(_meta_data(birth)))
    (place / "network_data.json").write_text(json.dumps(_network_data(birth.plug)))
    (place / "vendor_data.json").write_text(json.dumps({"cloud-init": vendor.DATA}))
    _secret(place / "user_data", birth.user_data)


def _place(upper: Path, name: str) -> Path:
    place = upper / _SEEDS / name
    place.mkdir(parents=True)
    return place


def _secret(file: Path, content: str) -> None:
    file.write_bytes(content.encode())
    file.chmod(0o600)


def _meta_data(birth: Birth) -> dict[str, Any]:
    keys = {str(number): key for number, key in enumerate(birth.ssh_keys)}
    about = {"uuid": str(birth.plug.machine), "hostname": birth.name, "name": birth.name}
    return {**about, "availability_zone": birth.region, "public_keys": keys}


def _network_data(plug: wiring.Plug) -> dict[str, Any]:
    ranges: dict[str, tuple[str, IPv4Network]] = {}
    if plug.public:
        ranges["eth0"] = (plug.public, paths.PUBLIC)
    if plug.private and plug.vpc_range:
        ranges["eth1"] = (plug.private, IPv4Network(plug.vpc_range))
    links = [{"id": nic, "type": "phy", "ethernet_mac_address": wiring.mac(plug.machine, nic)} for nic in ranges]
    networks = [
        {"id": f"network-{nic}", "type": "ipv4", "link": nic, "ip_address": address, "netmask": str(network.netmask)}
        for nic, (address, network) in ranges.items()
    ]
    return {"links": links, "networks": networks, "services": [{"type": "dns", "address": paths.GATEWAY}]}


def _nocloud(upper: Path, birth: Birth) -> None:
    """JSON is YAML, and what a person reads here is the same."""
    place = _place(upper, "nocloud")
    about = {"instance-id": str(birth.plug.machine), "local-hostname": birth.name, "public-keys": birth.ssh_keys}
    (place / "meta-data").write_text(json.dumps({**about, "availability-zone": birth.region}))
    (place / "network-config").write_text(json.dumps(_network_config(birth.plug)))
    _secret(place / "user-data", birth.user_data)
    settings = upper / "etc/cloud/cloud.cfg.d"
    settings.mkdir(parents=True)
    (settings / "91-datasource.cfg").write_text(_NOCLOUD_ONLY)


def _network_config(plug: wiring.Plug) -> dict[str, Any]:
    ethernets: dict[str, Any] = {}
    if plug.public:
        routes = [{"to": "0.0.0.0/0", "via": paths.GATEWAY}]
        ethernets["eth0"] = _ethernet(wiring.mac(plug.machine, "eth0"), f"{plug.public}/{paths.PUBLIC.prefixlen}")
        ethernets["eth0"] |= {"routes": routes, "nameservers": {"addresses": [paths.GATEWAY]}}
    for each in plug.memberships:
        ethernets[each.link] = _ethernet(each.mac, f"{each.address}/32") | {
            "routes": [{"to": each.ip_range, "scope": "link"}]
        }
    return {"version": 2, "ethernets": ethernets}


def _ethernet(mac: str, address: str) -> dict[str, Any]:
    return {"match": {"macaddress": mac}, "addresses": [address]}
