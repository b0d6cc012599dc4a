"""Managed Postgres as DigitalOcean does it."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperCluster, PaperHypervisor
from tests.rehearsal.cloud.test_droplets import order

ORDER: dict[str, Any] = {
    "name": "site-db",
    "engine": "pg",
    "version": "17",
    "size": "db-s-1vcpu-1gb",
    "region": "fra1",
    "num_nodes": 1,
}


@pytest.fixture
def cluster(api: Client) -> dict[str, Any]:
    """A cluster that is online."""
    id = api("POST", "/databases", ORDER)["database"]["id"]
    return dict(api.until(f"/databases/{id}", lambda body: body["database"]["status"] == "online")["database"])


def below(paper: PaperHypervisor, cluster: dict[str, Any]) -> PaperCluster:
    """Give what the computer has of a cluster."""
    return paper.clusters[cluster["id"]]


def test_birth_of_a_cluster(api: Client, paper: PaperHypervisor) -> None:
    """Its connection is known at once, with the password; it takes changes only when it is online."""
    vpc = api("POST", "/vpcs", {"name": "site", "region": "fra1"})["vpc"]
    paper.gate.clear()
    made = api("POST", "/databases", {**ORDER, "private_network_uuid": vpc["id"], "tags": ["site"]})["database"]
    path = f"/databases/{made['id']}"
    assert made["status"] == "creating"
    assert made["connection"]["host"] == "site-db-do-user-0.l.db.ondigitalocean.com"
    assert made["private_connection"]["host"] == "private-site-db-do-user-0.l.db.ondigitalocean.com"
    assert made["connection"]["password"] in made["connection"]["uri"]
    api("POST", f"{path}/dbs", {"name": "site"}, status=412)
    paper.gate.set()
    online = api.until(path, lambda body: body["database"]["status"] == "online")["database"]
    about = paper.clusters[made["id"]].about
    assert (about["max_connections"], about["port"], about["version"]) == (22, 25060, "17")
    assert about["names"] == [made["connection"]["host"], made["private_connection"]["host"]]
    assert about["admin_password"] == online["connection"]["password"]
    assert about["host_ip"].rpartition(".")[0] == vpc["ip_range"].rpartition(".")[0]
    ca = base64.b64decode(api("GET", f"{path}/ca")["ca"]["certificate"]).decode()
    assert ca.startswith("-----BEGIN CERTIFICATE-----")
    api("DELETE", f"/vpcs/{vpc['id']}", status=409)
    api("DELETE", path, status=204)
    api("GET", path, status=404)


def test_databases_belong_to_the_admin_and_users_own_nothing(
    api: Client, paper: PaperHypervisor, cluster: dict[str, Any]
) -> None:
    """The trap of Postgres 15 and later is in the statements: no grant on `public` to anybody."""
    path = f"/databases/{cluster['id']}"
    assert api("GET", f"{path}/dbs")["dbs"] == [{"name": "defaultdb"}]
    api("POST", f"{path}/dbs", {"name": "my site"}, status=422)
    api("POST", f"{path}/dbs", {"name": "site"})
    api("POST", f"{path}/dbs", {"name": "site"}, status=409)
    user = api("POST", f"{path}/users", {"name": "site-app"})["user"]
    assert user["role"] == "normal"
    assert below(paper, cluster).statements == [
        ("defaultdb", 'CREATE DATABASE "site" OWNER doadmin'),
        ("defaultdb", f"""CREATE ROLE "site-app" LOGIN PASSWORD '{user["password"]}'"""),
    ]
    again = api("POST", f"{path}/users/site-app/reset_auth", {})["user"]
    assert again["password"] != user["password"]
    assert api("GET", f"{path}/users/site-app")["user"]["password"] == again["password"]
    assert [u["name"] for u in api("GET", f"{path}/users")["users"]] == ["doadmin", "site-app"]
    api("DELETE", f"{path}/users/site-app", status=204)
    assert ("site", 'REASSIGN OWNED BY "site-app" TO doadmin') in below(paper, cluster).statements
    api("DELETE", f"{path}/users/site-app", status=404)
    api("DELETE", f"{path}/users/doadmin", status=403)
    api("DELETE", f"{path}/dbs/site", status=204)
    assert below(paper, cluster).statements[-1][1] == 'DROP DATABASE IF EXISTS "site" WITH (FORCE)'
    api("DELETE", f"{path}/dbs/defaultdb", status=403)


def test_a_database_and_a_user_can_go_at_the_same_time(
    api: Client, paper: PaperHypervisor, cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destroy deletes both at once; the user's objects are looked for in databases that are there."""
    path, dropping = f"/databases/{cluster['id']}", threading.Event()
    api("POST", f"{path}/dbs", {"name": "site"})
    api("POST", f"{path}/users", {"name": "app"})

    def run(id: str, *, database: str, statements: list[str]) -> None:
        assert not (database == "site" and dropping.is_set()), "there is no such database"
        if statements[0].startswith("DROP DATABASE"):
            dropping.set()
            time.sleep(0.2)

    monkeypatch.setattr(paper, "database_sql", run)
    first = threading.Thread(target=lambda: api("DELETE", f"{path}/dbs/site", status=204))
    first.start()
    assert dropping.wait(10)
    api("DELETE", f"{path}/users/app", status=204)
    first.join()


def test_a_statement_that_fails_leaves_no_row(api: Client, paper: PaperHypervisor, cluster: dict[str, Any]) -> None:
    """What Postgres refused is not listed."""
    paper.refuse = {"database_sql"}
    path = f"/databases/{cluster['id']}"
    assert api("POST", f"{path}/dbs", {"name": "site"}, status=500)["id"] == "server_error"
    api("POST", f"{path}/users", {"name": "app"}, status=500)
    paper.refuse = set()
    assert [len(api("GET", f"{path}/{part}")[part]) for part in ("dbs", "users")] == [1, 1]
    api("POST", f"{path}/dbs", {"name": "site"})


def test_trusted_sources(api: Client, paper: PaperHypervisor, cluster: dict[str, Any], cloud: Cloud) -> None:
    """Open to all without rules; by tag, droplet and address with them; to nobody when no rule matches."""
    path = f"/databases/{cluster['id']}/firewall"
    api.until(path, lambda body: below(paper, cluster).trusted == ["0.0.0.0/0"])
    api("PUT", path, {"rules": [{"type": "tag", "value": "site"}]}, status=204)
    assert below(paper, cluster).trusted == []
    (rule,) = api("GET", path)["rules"]
    assert (rule["type"], rule["value"], rule["cluster_uuid"]) == ("tag", "site", cluster["id"])
    droplet = order(api, tags=["site"])
    row = cloud.store.state.droplets[droplet["id"]]
    assert below(paper, cluster).trusted == [row.public_ip, row.private_ip]
    other = order(api, name="web-2")
    rules = [
        {"type": "tag", "value": "site"},
        {"type": "droplet", "value": str(other["id"])},
        {"type": "ip_addr", "value": "198.51.100.1"},
    ]
    api("PUT", path, {"rules": rules}, status=204)
    assert len(below(paper, cluster).trusted or []) == 5
    assert rule["uuid"] in [r["uuid"] for r in api("GET", path)["rules"]]
    api("DELETE", f"/droplets/{other['id']}", status=204)
    assert cloud.settle()
    assert len(below(paper, cluster).trusted or []) == 3
    api("PUT", path, {"rules": []}, status=204)
    assert below(paper, cluster).trusted == ["0.0.0.0/0"]
    api("PUT", path, {"rules": [{"type": "ip_addr", "value": "nonsense"}]}, status=422)


def test_refused_orders(api: Client) -> None:
    """Every wrong part of an order is refused; what the rehearsal lacks says so."""
    for wrong in ({"name": "a_b"}, {"size": "huge"}, {"region": "moon"}, {"version": "9"}, {"num_nodes": 2}):
        api("POST", "/databases", {**ORDER, **wrong}, status=422)
    api("POST", "/databases", {**ORDER, "engine": "mysql"}, status=501)
    api("POST", "/databases", ORDER)
    assert api("POST", "/databases", ORDER, status=422)["message"] == "cluster name is not available"


def test_what_the_plugin_reads_besides(api: Client, cluster: dict[str, Any]) -> None:
    """Settings that are only looked at."""
    path = f"/databases/{cluster['id']}"
    for part in ("config", "autoscale", "eviction_policy", "backups", "pools"):
        api("GET", f"{path}/{part}")
    api("PUT", f"{path}/maintenance", {"day": "monday", "hour": "04:00"}, status=204)
    assert api("GET", path)["database"]["maintenance_window"]["day"] == "monday"
    api("POST", f"{path}/pools", {"name": "p", "mode": "transaction", "size": 5, "db": "defaultdb"}, status=501)


def test_a_cluster_out_of_a_backup(api: Client, paper: PaperHypervisor, cluster: dict[str, Any]) -> None:
    """It has the databases and users of that time, a password and an address of its own; the old one stays."""
    path = f"/databases/{cluster['id']}"
    restored = {**ORDER, "name": "site-restored", "backup_restore": {"database_name": "site-db"}}
    api("POST", "/databases", restored, status=422)
    api("POST", f"{path}/dbs", {"name": "site"})
    app = api("POST", f"{path}/users", {"name": "app"})["user"]
    taken = api.raw("POST", f"/_cloud{path}/backups").body["backup"]
    api("POST", f"{path}/dbs", {"name": "later"})
    (listed,) = api("GET", f"{path}/backups")["backups"]
    assert (listed, listed["size_gigabytes"]) == (taken, 0.04)
    wrong = {"database_name": "site-db", "backup_created_at": "2019-01-31T19:25:22Z"}
    api("POST", "/databases", {**restored, "backup_restore": wrong}, status=422)
    restored["backup_restore"]["backup_created_at"] = listed["created_at"]
    made = api("POST", "/databases", restored)["database"]
    online = api.until(f"/databases/{made['id']}", lambda body: body["database"]["status"] == "online")["database"]
    assert online["db_names"] == ["defaultdb", "site"]
    assert [user["name"] for user in online["users"]] == ["doadmin", "app"]
    assert online["users"][1]["password"] == app["password"]
    assert online["connection"]["password"] != cluster["connection"]["password"]
    assert paper.clusters[made["id"]].about["copy_of"] == (cluster["id"], listed["created_at"])
    assert api("GET", path)["database"]["status"] == "online"


def test_a_bigger_plan(api: Client, paper: PaperHypervisor, cluster: dict[str, Any]) -> None:
    """It shows the old size while it is resizing, takes no changes meanwhile, and has its connections after."""
    path, bigger = f"/databases/{cluster['id']}", {"size": "db-s-1vcpu-2gb", "num_nodes": 2}
    paper.gate.clear()
    api("PUT", f"{path}/resize", bigger, status=202)
    under_way = api("GET", path)["database"]
    assert (under_way["status"], under_way["size"]) == ("resizing", "db-s-1vcpu-1gb")
    api("PUT", f"{path}/resize", bigger, status=412)
    api("PUT", f"{path}/firewall", {"rules": [{"type": "ip_addr", "value": "198.51.100.9"}]}, status=204)
    assert below(paper, cluster).trusted == ["198.51.100.9"]
    paper.gate.set()
    after = api.until(path, lambda body: body["database"]["status"] == "online")["database"]
    assert (after["size"], after["num_nodes"], after["storage_size_mib"]) == ("db-s-1vcpu-2gb", 2, 30720)
    assert below(paper, cluster).about["max_connections"] == 47
    assert after["connection"] == cluster["connection"]


def test_refused_sizes(api: Client, paper: PaperHypervisor, cluster: dict[str, Any]) -> None:
    """Nothing gets smaller, as on the real cloud; a refused order changes nothing."""
    path = f"/databases/{cluster['id']}"
    api("PUT", f"{path}/resize", {"size": "db-s-2vcpu-4gb", "num_nodes": 1, "storage_size_mib": 81920}, status=202)
    api.until(path, lambda body: body["database"]["status"] == "online")
    for wrong in (
        {"size": "db-s-1vcpu-1gb", "num_nodes": 1},
        {"size": "db-s-2vcpu-4gb", "num_nodes": 1, "storage_size_mib": 61440},
        {"size": "db-s-2vcpu-4gb", "num_nodes": 4},
        {"size": "huge", "num_nodes": 1},
        {"size": "db-s-4vcpu-8gb"},
    ):
        api("PUT", f"{path}/resize", wrong, status=422)
    after = api("GET", path)["database"]
    assert (after["status"], after["size"], after["storage_size_mib"]) == ("online", "db-s-2vcpu-4gb", 81920)
    assert paper.calls.count("resize_database") == 1
