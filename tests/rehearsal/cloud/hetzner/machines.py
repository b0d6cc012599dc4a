"""The part of hcloud's tour that is about servers and what belongs to them."""

from __future__ import annotations

from typing import Any

from hcloud.firewalls import FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.networks import NetworkRoute, NetworkSubnet
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

from tests.rehearsal.cloud.hetzner.official import all_done, done, refused, walk
from tests.rehearsal.cloud.hetzner.test_door import KEY

HERE = Location(name="fsn1")
SSH = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["0.0.0.0/0", "::/0"], description="ssh")
DNS = FirewallRule(direction="out", protocol="udp", port="53", destination_ips=["0.0.0.0/0"])


def _server(hetzner: Any, name: str = "web-1", **more: Any) -> Any:
    image, size = Image(name="debian-13"), ServerType(name="cx23")
    made = all_done(hetzner.servers.create(name=name, server_type=size, image=image, location=HERE, **more)).server
    made.reload()
    return made


def _history(hetzner: Any, group: Any, row: Any, table: str) -> None:
    """What was asked of a resource: of all of its kind, of itself, one by one."""
    first = row.get_actions(sort=["id"])[0]
    assert first.id in [action.id for action in walk(group.actions.get_list, "actions")]
    assert group.actions.get_by_id(first.id).command == first.command
    assert hetzner.request("GET", f"/{table}/{row.id}/actions/{first.id}")["action"]["command"] == first.command


def servers(hetzner: Any) -> None:
    """Ordered with everything an order can name, listed, switched, changed, protected, deleted."""
    key = hetzner.ssh_keys.create(name="k", public_key=KEY)
    group = hetzner.placement_groups.create(name="apart", type="spread").placement_group
    one = _server(hetzner, ssh_keys=[key], user_data="#cloud-config", labels={"site": "x"}, placement_group=group)
    public = ServerCreatePublicNetwork(enable_ipv4=True, enable_ipv6=False)
    two = _server(hetzner, "web-2", public_net=public, start_after_create=False)
    assert (one.status, two.status, two.public_net.ipv6) == ("running", "off", None)
    assert [row.name for row in walk(hetzner.servers.get_list, "servers")] == ["web-1", "web-2"]
    assert [row.id for row in hetzner.servers.get_all(label_selector="site=x", status=["running"])] == [one.id]
    assert hetzner.servers.get_by_id(one.id).name == hetzner.servers.get_by_name("web-1").name == "web-1"
    assert one.update(name="web-0", labels={}).name == "web-0"
    _switched(one)
    done(
        one.change_dns_ptr(one.public_net.ipv4.ip, "web.example.org"), one.change_dns_ptr(one.public_net.ipv4.ip, None)
    )
    done(one.remove_from_placement_group())
    done(two.add_to_placement_group(group))
    done(two.power_on())
    done(one.change_protection(delete=True, rebuild=True))
    assert refused(one.delete).code == "protected"
    done(one.change_protection(delete=False, rebuild=False))
    _history(hetzner, hetzner.servers, one, "servers")
    done(one.delete(), two.delete())
    assert refused(hetzner.servers.get_by_id, one.id).code == "not_found"
    for row in (key, group):
        row.delete()


def _switched(server: Any) -> None:
    done(server.reboot())
    done(server.enable_backup(), server.disable_backup())
    done(server.shutdown())
    done(server.power_on())
    done(server.reset())
    done(server.power_off())
    done(server.change_type(ServerType(name="cx33"), upgrade_disk=False))
    done(server.power_on())
    server.reload()
    assert (server.status, server.server_type.name) == ("running", "cx33")


def networks(hetzner: Any) -> None:
    """Subnets, routes, and servers that join and leave."""
    first, second = (
        NetworkSubnet(ip_range=range, type="cloud", network_zone="eu-central")
        for range in ("10.0.1.0/24", "10.0.2.0/24")
    )
    lan = hetzner.networks.create(name="site", ip_range="10.0.0.0/16", subnets=[first], labels={"a": "b"})
    assert [row.id for row in walk(hetzner.networks.get_list, "networks")] == [lan.id]
    assert hetzner.networks.get_by_id(lan.id).name == hetzner.networks.get_all(label_selector="a=b")[0].name
    assert lan.update(name="lan", labels={}).name == "lan"
    done(lan.add_subnet(second), lan.change_protection(delete=True))
    assert refused(lan.delete).code == "protected"
    done(lan.change_protection(delete=False), lan.delete_subnet(second))
    route = NetworkRoute(destination="10.9.0.0/24", gateway="10.0.1.9")
    done(lan.add_route(route), lan.delete_route(route))
    server = _server(hetzner, networks=[lan])
    assert [net.network.id for net in server.private_net] == [lan.id]
    done(server.change_alias_ips(lan, ["10.0.1.77"]))
    done(server.detach_from_network(lan))
    done(server.attach_to_network(lan, ip="10.0.1.10"))
    assert [row.id for row in hetzner.networks.get_by_id(lan.id).servers] == [server.id]
    _history(hetzner, hetzner.networks, lan, "networks")
    done(server.delete())
    lan.delete()
    assert refused(hetzner.networks.get_by_id, lan.id).code == "not_found"


def volumes(hetzner: Any) -> None:
    """On one server at a time, grown, protected; they outlive their server."""
    server = _server(hetzner)
    data = all_done(hetzner.volumes.create(size=10, name="data", location=HERE, format="ext4")).volume
    born = all_done(hetzner.volumes.create(size=10, name="born", server=server, automount=False, format="ext4")).volume
    assert [row.name for row in walk(hetzner.volumes.get_list, "volumes")] == ["data", "born"]
    assert hetzner.volumes.get_by_id(born.id).server.id == server.id
    assert data.update(name="renamed", labels={"a": "b"}).labels == {"a": "b"}
    assert [row.id for row in hetzner.volumes.get_all(label_selector="a=b", status=["available"])] == [data.id]
    done(data.attach(server, automount=False))
    done(data.resize(20))
    done(data.change_protection(delete=True))
    done(data.detach())
    assert refused(data.delete).code == "protected"
    done(data.change_protection(delete=False))
    _history(hetzner, hetzner.volumes, data, "volumes")
    done(server.delete())
    for row in (data, born):
        row.reload()
        assert (row.server, row.linux_device) == (None, f"/dev/disk/by-id/scsi-0HC_Volume_{row.id}")
        row.delete()
    assert refused(hetzner.volumes.get_by_id, data.id).code == "not_found"


def floating_ips(hetzner: Any) -> None:
    """They move between servers."""
    server = _server(hetzner)
    free = all_done(hetzner.floating_ips.create(type="ipv4", name="site", home_location=HERE)).floating_ip
    bound = all_done(hetzner.floating_ips.create(type="ipv4", name="other", server=server)).floating_ip
    assert [row.id for row in walk(hetzner.floating_ips.get_list, "floating_ips")] == [free.id, bound.id]
    assert hetzner.floating_ips.get_by_id(bound.id).server.id == server.id
    assert free.update(description="d", name="new", labels={"a": "b"}).description == "d"
    assert [row.id for row in hetzner.floating_ips.get_all(label_selector="a=b", name="new")] == [free.id]
    done(free.assign(server))
    done(free.unassign())
    done(free.change_dns_ptr(free.ip, "site.example.org"), free.change_protection(delete=True))
    assert refused(free.delete).code == "protected"
    done(free.change_protection(delete=False))
    _history(hetzner, hetzner.floating_ips, free, "floating_ips")
    done(server.delete())
    for row in (free, bound):
        row.delete()
    assert walk(hetzner.floating_ips.get_list, "floating_ips") == []


def primary_ips(hetzner: Any) -> None:
    """They move between servers that are off."""
    made = hetzner.primary_ips.create(
        type="ipv4", name="kept", location=HERE, assignee_type="server", labels={"a": "b"}
    )
    kept = made.primary_ip
    assert [row.id for row in walk(hetzner.primary_ips.get_list, "primary_ips")] == [kept.id]
    assert hetzner.primary_ips.get_by_id(kept.id).ip == hetzner.primary_ips.get_all(label_selector="a=b")[0].ip
    assert kept.update(name="new", labels={}, auto_delete=False).name == "new"
    public = ServerCreatePublicNetwork(ipv4=kept, enable_ipv4=True, enable_ipv6=False)
    server = _server(hetzner, public_net=public)
    assert server.public_net.ipv4.ip == kept.ip
    done(server.power_off())
    done(kept.unassign())
    done(kept.assign(server.id, "server"))
    done(kept.change_dns_ptr(kept.ip, "kept.example.org"), kept.change_protection(delete=True))
    assert refused(kept.delete).code == "protected"
    done(kept.change_protection(delete=False))
    _history(hetzner, hetzner.primary_ips, kept, "primary_ips")
    done(server.delete())
    kept.delete()
    assert walk(hetzner.primary_ips.get_list, "primary_ips") == []


def firewalls(hetzner: Any) -> None:
    """By server and by label."""
    server = _server(hetzner, labels={"site": "x"})
    by_server = FirewallResource(type="server", server=server)
    by_label = FirewallResource(type="label_selector", label_selector=FirewallResourceLabelSelector(selector="site=x"))
    made = hetzner.firewalls.create(name="fw", rules=[SSH], resources=[by_label])
    done(*made.actions)
    wall = made.firewall
    assert [row.id for row in walk(hetzner.firewalls.get_list, "firewalls")] == [wall.id]
    assert wall.update(name="new", labels={"a": "b"}).name == "new"
    assert [row.id for row in hetzner.firewalls.get_all(label_selector="a=b", name="new")] == [wall.id]
    done(*wall.set_rules([SSH, DNS]))
    done(*wall.apply_to_resources([by_server]))
    full = hetzner.firewalls.get_by_id(wall.id)
    assert ([rule.port for rule in full.rules], len(full.applied_to)) == (["22", "53"], 2)
    assert refused(wall.delete).code == "resource_in_use"
    done(*wall.remove_from_resources([by_server, by_label]))
    _history(hetzner, hetzner.firewalls, wall, "firewalls")
    wall.delete()
    done(server.delete())
    assert walk(hetzner.firewalls.get_list, "firewalls") == []


def placement_groups(hetzner: Any) -> None:
    """Groups by id and label."""
    group = hetzner.placement_groups.create(name="apart", type="spread", labels={"a": "b"}).placement_group
    assert [row.id for row in walk(hetzner.placement_groups.get_list, "placement_groups")] == [group.id]
    assert hetzner.placement_groups.get_by_id(group.id).type == "spread"
    assert [row.id for row in hetzner.placement_groups.get_all(label_selector="a=b")] == [group.id]
    assert group.update(name="new", labels={}).name == "new"
    group.delete()
    assert refused(hetzner.placement_groups.get_by_id, group.id).code == "not_found"


STOPS = (servers, networks, volumes, floating_ips, primary_ips, firewalls, placement_groups)
