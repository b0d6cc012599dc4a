"""A tour of the whole API with DigitalOcean's own Python client: everything made, listed by pages, changed, deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.rehearsal.cloud.official import refused, until, walk
from tests.rehearsal.cloud.test_droplets import KEY, ORDER

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFcmfJvQ9E3jGmY2vPpOYc0v3x8m3vM8mJr0bVqXn5eQ another"
CLUSTER = {"name": "site-db", "engine": "pg", "size": "db-s-1vcpu-1gb", "region": "fra1", "num_nodes": 1}
WEB = {"protocol": "tcp", "ports": "443", "sources": {"addresses": ["0.0.0.0/0", "::/0"]}}
SSH = {"protocol": "tcp", "ports": "22", "sources": {"tags": ["site"]}}
OUT = {"protocol": "udp", "ports": "53", "destinations": {"addresses": ["0.0.0.0/0"]}}


def account(do: Any) -> None:
    """What can be ordered."""
    assert do.account.get()["account"]["status"] == "active"
    assert "fra1" in [region["slug"] for region in walk(do.regions.list, "regions")]
    assert ORDER["size"] in [size["slug"] for size in walk(do.sizes.list, "sizes")]
    images = walk(partial(do.images.list, type="distribution"), "images")
    assert do.images.get(images[0]["id"])["image"] == do.images.get(images[0]["slug"])["image"]
    assert do.databases.list_options()["options"]["pg"]["default_version"] == "17"


def keys(do: Any) -> None:
    """SSH keys, by id and fingerprint."""
    made = [do.ssh_keys.create(body={"name": "k", "public_key": key})["ssh_key"] for key in (KEY, OTHER_KEY)]
    assert walk(do.ssh_keys.list, "ssh_keys") == made
    assert do.ssh_keys.get(made[0]["fingerprint"])["ssh_key"] == made[0]
    assert do.ssh_keys.update(made[0]["id"], body={"name": "renamed"})["ssh_key"]["name"] == "renamed"
    for key in made:
        do.ssh_keys.delete(key["id"])
    assert walk(do.ssh_keys.list, "ssh_keys") == []


def vpcs(do: Any) -> None:
    """VPCs and their members."""
    vpc = do.vpcs.create(body={"name": "site", "region": "fra1", "ip_range": "10.20.0.0/20"})["vpc"]
    assert vpc in walk(do.vpcs.list, "vpcs")
    assert do.vpcs.get(vpc["id"])["vpc"] == vpc
    assert do.vpcs.update(vpc["id"], body={"name": "new"})["vpc"]["name"] == "new"
    assert do.vpcs.patch(vpc["id"], body={"description": "d"})["vpc"]["description"] == "d"
    droplet = _droplet(do, vpc_uuid=vpc["id"])
    members = walk(partial(do.vpcs.list_members, vpc["id"], resource_type="droplet"), "members")
    assert [member["urn"] for member in members] == [f"do:droplet:{droplet['id']}"]
    _destroy(do, droplet)
    do.vpcs.delete(vpc["id"])
    assert refused(partial(do.vpcs.get, vpc["id"])).status == 404


def _droplet(do: Any, **more: Any) -> Any:
    made = do.droplets.create(body={**ORDER, **more})["droplet"]
    return until(lambda: do.droplets.get(made["id"])["droplet"], lambda droplet: not droplet["locked"])


def _destroy(do: Any, droplet: Any) -> None:
    do.droplets.destroy(droplet["id"])
    until(lambda: do.droplets.list(name=droplet["name"])["meta"]["total"], lambda total: total == 0)


def droplets(do: Any) -> None:
    """One droplet, several at once, what is done to them, and their end by tag."""
    key = do.ssh_keys.create(body={"name": "k", "public_key": KEY})["ssh_key"]
    one = _droplet(do, ssh_keys=[key["id"]], tags=["site"], user_data="#cloud-config", monitoring=True)
    do.droplets.create(body={**{k: v for k, v in ORDER.items() if k != "name"}, "names": ["a", "b"], "tags": ["more"]})
    until(lambda: do.droplets.list(tag_name="more")["droplets"], lambda rows: not any(row["locked"] for row in rows))
    assert len(walk(do.droplets.list, "droplets")) == 3
    assert walk(partial(do.droplets.list_firewalls, one["id"]), "firewalls") == []
    for body in ({"type": "power_off"}, {"type": "resize", "size": "s-1vcpu-2gb"}, {"type": "power_on"}):
        action = do.droplet_actions.post(one["id"], body=body)["action"]["id"]
        until(partial(do.actions.get, action), lambda told: told["action"]["status"] == "completed")
        assert do.droplet_actions.get(one["id"], action)["action"]["type"] == body["type"]
    assert len(walk(partial(do.droplet_actions.list, one["id"]), "actions")) == 4
    assert {action["type"] for action in walk(do.actions.list, "actions")} >= {"create", "resize"}
    assert do.droplets.get(one["id"])["droplet"]["size_slug"] == "s-1vcpu-2gb"
    do.droplets.destroy_by_tag(tag_name="more")
    _destroy(do, one)
    until(lambda: do.droplets.list()["meta"]["total"], lambda total: total == 0)
    do.ssh_keys.delete(key["id"])


def tags(do: Any) -> None:
    """Tags put on and taken off."""
    droplet = _droplet(do)
    do.tags.create(body={"name": "blue"})
    assert "blue" in [tag["name"] for tag in walk(do.tags.list, "tags")]
    resources = {"resources": [{"resource_id": str(droplet["id"]), "resource_type": "droplet"}]}
    do.tags.assign_resources("blue", body=resources)
    assert do.tags.get("blue")["tag"]["resources"]["droplets"]["count"] == 1
    do.tags.unassign_resources("blue", body=resources)
    do.tags.delete("blue")
    _destroy(do, droplet)
    assert refused(partial(do.tags.get, "blue")).status == 404


def firewalls(do: Any) -> None:
    """Firewalls and what is put behind them."""
    droplet = _droplet(do)
    body = {"name": "fw", "tags": ["site"], "inbound_rules": [WEB], "outbound_rules": [OUT]}
    wall = do.firewalls.create(body=body)["firewall"]["id"]
    do.firewalls.assign_droplets(wall, body={"droplet_ids": [droplet["id"]]})
    do.firewalls.add_tags(wall, body={"tags": ["more"]})
    do.firewalls.add_rules(wall, body={"inbound_rules": [SSH]})
    full = do.firewalls.get(wall)["firewall"]
    assert (full["droplet_ids"], full["tags"], len(full["inbound_rules"])) == ([droplet["id"]], ["site", "more"], 2)
    assert [row["id"] for row in walk(do.firewalls.list, "firewalls")] == [wall]
    do.firewalls.delete_rules(wall, body={"inbound_rules": [SSH]})
    do.firewalls.delete_tags(wall, body={"tags": ["more"]})
    do.firewalls.delete_droplets(wall, body={"droplet_ids": [droplet["id"]]})
    assert do.firewalls.update(wall, body={**body, "name": "new"})["firewall"]["droplet_ids"] == []
    do.firewalls.delete(wall)
    _destroy(do, droplet)
    assert walk(do.firewalls.list, "firewalls") == []


def addresses(do: Any) -> None:
    """Reserved IPs, by region and by droplet."""
    droplet = _droplet(do)
    free = do.reserved_ips.create(body={"region": "fra1"})["reserved_ip"]["ip"]
    bound = do.reserved_ips.create(body={"droplet_id": droplet["id"]})["reserved_ip"]["ip"]
    assert [row["ip"] for row in walk(do.reserved_ips.list, "reserved_ips")] == [free, bound]
    for body in ({"type": "assign", "droplet_id": droplet["id"]}, {"type": "unassign"}):
        action = do.reserved_ips_actions.post(free, body=body)["action"]["id"]
        read = partial(do.reserved_ips_actions.get, free, action)
        until(read, lambda told: told["action"]["status"] == "completed")
    assert len(do.reserved_ips_actions.list(free)["actions"]) == 2
    assert do.reserved_ips.get(free)["reserved_ip"]["droplet"] is None
    _destroy(do, droplet)
    for address in (free, bound):
        do.reserved_ips.delete(address)
    assert walk(do.reserved_ips.list, "reserved_ips") == []


def databases(do: Any) -> None:
    """A cluster, what is in it, and another size."""
    db, online = do.databases, "online"
    id = db.create_cluster(body={**CLUSTER, "tags": ["site"]})["database"]["id"]
    until(lambda: db.get_cluster(id)["database"]["status"], lambda status: status == online)
    assert [row["id"] for row in db.list_clusters(tag_name="site")["databases"]] == [id]
    assert db.get_ca(id)["ca"]["certificate"]
    db.update_firewall_rules(id, body={"rules": [{"type": "tag", "value": "site"}]})
    assert [rule["value"] for rule in db.list_firewall_rules(id)["rules"]] == ["site"]
    db.update_maintenance_window(id, body={"day": "monday", "hour": "04:00:00"})
    for read in (db.get_config, db.get_autoscale, db.get_eviction_policy, db.list_backups, db.list_connection_pools):
        read(id)
    pool = {"name": "p", "mode": "transaction", "size": 5, "db": "defaultdb"}
    assert refused(partial(db.add_connection_pool, id, body=pool)).status == 501
    assert refused(partial(db.patch_config, id, body={"config": {"work_mem": 8}})).status == 501
    _in_a_cluster(db, id)
    db.update_cluster_size(id, body={"size": "db-s-1vcpu-2gb", "num_nodes": 2})
    until(lambda: db.get_cluster(id)["database"], lambda row: (row["status"], row["num_nodes"]) == (online, 2))
    db.destroy_cluster(id)
    assert db.list_clusters()["databases"] == []


def _in_a_cluster(db: Any, id: str) -> None:
    db.add(id, body={"name": "site"})
    assert db.get(id, "site")["db"] == {"name": "site"}
    assert len(db.list(id)["dbs"]) == 2
    user = db.add_user(id, body={"name": "app"})["user"]
    assert db.get_user(id, "app")["user"] == user
    assert db.update_user(id, "app", body={"settings": {"pg_allow_replication": False}})["user"]["name"] == "app"
    assert db.reset_auth(id, "app", body={})["user"]["password"] != user["password"]
    assert [row["name"] for row in db.list_users(id)["users"]] == ["doadmin", "app"]
    db.delete_user(id, "app")
    db.delete(id, "site")


def domains(do: Any) -> None:
    """A zone and its records."""
    zone = do.domains.create(body={"name": "example.org"})["domain"]["name"]
    assert [row["name"] for row in walk(do.domains.list, "domains")] == [zone]
    body = {"type": "A", "name": "@", "data": "198.51.100.20", "ttl": 300}
    record = do.domains.create_record(zone, body=body)["domain_record"]
    do.domains.create_record(zone, body={"type": "TXT", "name": "@", "data": "hello"})
    assert len(walk(partial(do.domains.list_records, zone), "domain_records")) == 6
    found = do.domains.list_records(zone, name=zone, type="A")["domain_records"]
    assert found == [do.domains.get_record(zone, record["id"])["domain_record"]]
    for change, data in ((do.domains.update_record, "198.51.100.21"), (do.domains.patch_record, "198.51.100.22")):
        assert change(zone, record["id"], body={"type": "A", "data": data})["domain_record"]["data"] == data
    assert "198.51.100.22" in do.domains.get(zone)["domain"]["zone_file"]
    do.domains.delete_record(zone, record["id"])
    do.domains.delete(zone)
    assert walk(do.domains.list, "domains") == []


def spaces_keys(do: Any) -> None:
    """Keys of object storage; the secret is told once."""
    grant = {"bucket": "media", "permission": "readwrite"}
    made = [do.spaces_key.create(body={"name": name, "grants": [grant]})["key"] for name in ("a", "b")]
    assert made[0]["secret_key"]
    listed = walk(do.spaces_key.list, "keys")
    assert [row["access_key"] for row in listed] == [key["access_key"] for key in made]
    assert "secret_key" not in do.spaces_key.get(made[0]["access_key"])["key"]
    for change in (do.spaces_key.update, do.spaces_key.patch):
        assert change(made[0]["access_key"], body={"name": "new", "grants": [grant]})["key"]["name"] == "new"
    for key in made:
        do.spaces_key.delete(key["access_key"])
    assert walk(do.spaces_key.list, "keys") == []


def projects(do: Any) -> None:
    """Projects and what lies in them."""
    body = {"name": "site", "purpose": "Web Application", "environment": "Staging", "description": ""}
    project, urn = do.projects.create(body=body)["project"], "do:domain:example.net"
    do.domains.create(body={"name": "example.net"})
    assert len(walk(do.projects.list, "projects")) == 2
    do.projects.assign_resources(project["id"], body={"resources": [urn]})
    listed = walk(partial(do.projects.list_resources, project["id"]), "resources")
    assert [row["urn"] for row in listed] == [urn]
    do.projects.assign_resources_default(body={"resources": [urn]})
    assert [row["urn"] for row in do.projects.list_resources_default()["resources"]] == [urn]
    full = {**body, "description": "d", "is_default": False}
    assert do.projects.update(project["id"], body=full)["project"]["description"] == "d"
    assert do.projects.patch(project["id"], body={"name": "new"})["project"]["name"] == "new"
    assert do.projects.get(project["id"])["project"]["environment"] == "Staging"
    default = do.projects.get_default()["project"]
    do.projects.patch_default(body={"description": "d"})
    do.projects.update_default(body={**full, "name": default["name"], "is_default": True})
    do.domains.delete("example.net")
    do.projects.delete(project["id"])


STOPS = (account, keys, vpcs, droplets, tags, firewalls, addresses, databases, domains, spaces_keys, projects)
