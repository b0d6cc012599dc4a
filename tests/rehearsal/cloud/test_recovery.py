"""A daemon that was killed is followed by one that knows everything and finishes what was begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rehearsal.cloud.app import open_cloud
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.recovery import recover
from rehearsal.cloud.store import Store, load
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import ORDER, order

DATABASE: dict[str, Any] = {
    "name": "site-db",
    "engine": "pg",
    "size": "db-s-1vcpu-1gb",
    "region": "fra1",
    "num_nodes": 1,
    "rules": [{"type": "tag", "value": "site"}],
}


def reborn(tmp_path: Path, cloud: Cloud, paper: PaperHypervisor) -> Cloud:
    """Give the cloud a second daemon finds, as the first one's file had it at this moment."""
    copy = tmp_path / "second"
    copy.mkdir()
    (copy / "state.json").write_bytes(cloud.store.path.read_bytes())
    second = open_cloud(directory=copy, hypervisor=paper)
    recover(second)
    return second


def test_everything_is_put_back(tmp_path: Path, api: Client, cloud: Cloud, paper: PaperHypervisor) -> None:
    """Firewalls, addresses and trusted sources are applied again; nothing is made twice."""
    droplet = order(api, tags=["site"])
    rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
    api("POST", "/firewalls", {"name": "fw", "tags": ["site"], "inbound_rules": [rule]})
    address = api("POST", "/reserved_ips", {"droplet_id": droplet["id"]})["reserved_ip"]["ip"]
    api("POST", "/databases", DATABASE)
    assert cloud.settle()
    fresh = PaperHypervisor()
    fresh.machines, fresh.clusters = paper.machines, paper.clusters
    for cluster in fresh.clusters.values():
        cluster.trusted = None
    second = reborn(tmp_path, cloud, fresh)
    assert second.settle()
    assert fresh.calls == ["adopt", "set_firewalls", "set_trusted", "assign_address"]
    assert list(fresh.firewalls) == [droplet["id"]]
    assert fresh.addresses == {address: droplet["id"]}
    assert [len(cluster.trusted or []) for cluster in fresh.clusters.values()] == [2]
    assert second.store.state.dump() == cloud.store.state.dump()


def test_what_was_begun_is_finished(tmp_path: Path, api: Client, cloud: Cloud, paper: PaperHypervisor) -> None:
    """A birth, a death, a switch and a cluster that were under way come to their ends."""
    dying, standing = order(api, name="dying"), order(api, name="standing")
    paper.gate.clear()
    born = api("POST", "/droplets", {**ORDER, "name": "born"})["droplet"]
    cluster = api("POST", "/databases", DATABASE)["database"]
    api("DELETE", f"/droplets/{dying['id']}", status=204)
    off = api("POST", f"/droplets/{standing['id']}/actions", {"type": "power_off"})["action"]
    fresh = PaperHypervisor()
    fresh.machines = dict(paper.machines)
    second = reborn(tmp_path, cloud, fresh)
    assert second.settle()
    state = second.store.state
    assert sorted(d.name for d in state.droplets.values()) == ["born", "standing"]
    assert (state.droplets[born["id"]].status, state.droplets[standing["id"]].status) == ("active", "off")
    assert fresh.machines[standing["id"]].state == "stopped"
    assert state.databases[cluster["id"]].status == "online"
    assert state.actions[off["id"]].status == "completed"
    assert not any(d.locked for d in state.droplets.values())
    assert sorted(fresh.machines) == sorted(state.droplets)


def test_a_resize_is_finished(tmp_path: Path, api: Client, cloud: Cloud, paper: PaperHypervisor) -> None:
    """A cluster on its way to another size arrives there under the next daemon."""
    id = api("POST", "/databases", DATABASE)["database"]["id"]
    assert cloud.settle()
    paper.gate.clear()
    api("PUT", f"/databases/{id}/resize", {"size": "db-s-1vcpu-2gb", "num_nodes": 1}, status=202)
    fresh = PaperHypervisor()
    fresh.clusters = dict(paper.clusters)
    second = reborn(tmp_path, cloud, fresh)
    assert second.settle()
    cluster = second.store.state.databases[id]
    assert (cluster.status, cluster.size, cluster.asked) == ("online", "db-s-1vcpu-2gb", {})


def test_the_file_holds_everything(tmp_path: Path, api: Client, cloud: Cloud) -> None:
    """What is written is what is read, and only its owner may read it."""
    order(api, tags=["site"])
    api("POST", "/domains", {"name": "example.org"})
    api("POST", "/spaces/keys", {"name": "k"})
    assert cloud.settle()
    assert load(cloud.store.state.dump()).dump() == cloud.store.state.dump()
    assert Store(path=cloud.store.path).state.dump() == cloud.store.state.dump()
    assert cloud.store.path.stat().st_mode & 0o077 == 0
