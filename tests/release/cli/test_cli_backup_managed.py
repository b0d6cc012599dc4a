"""`slipway backup restore` where the cloud keeps the database: a new cluster, and the state that names it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from release.cli import adoption
from release.cli import backup_text as text
from tests.plans.paper import paper_account
from tests.rehearsal.cloud.client import Client
from tests.release.cli.desk import Desk, Ended

TAG = "slipway-staging-web-ab12cd"
NAME = "slipway-staging-database-0123456"
PARTS = {"databaseDb:DatabaseDb": "database/slipway", "databaseUser:DatabaseUser": "user/slipway"}
TIMES = ("2025-11-18T03:00:00Z", "2025-11-19T03:00:00Z", "2025-11-20T03:00:00Z")
YES = ("--yes-overwrite", "staging")


@dataclass
class Kept:
    """A stack with its cluster in an account of paper."""

    desk: Desk
    api: Client
    cloud: Cloud
    id: str

    def restore(self, *words: str) -> Ended:
        url, token = self.api.url, "local-test"
        argv = ("backup", "restore", "staging", *words)
        return self.desk.run(*argv, DIGITALOCEAN_API_URL=url, DIGITALOCEAN_TOKEN=token)

    @property
    def clusters(self) -> list[dict[str, Any]]:
        return list(self.api("GET", "/databases")["databases"])

    @property
    def other(self) -> dict[str, Any]:
        (found,) = (each for each in self.clusters if each["id"] != self.id)
        return found

    @property
    def exported(self) -> Path:
        return self.desk.root / "state/staging/export.json"

    def pulumi(self) -> list[str]:
        """The verbs that change something."""
        said = [" ".join(words[2:]).replace("--non-interactive ", "") for words in self.desk.pulumi_calls()]
        return [words for words in said if not words.startswith(("stack output", "stack export"))]


@pytest.fixture
def kept(desk: Desk, tmp_path: Path) -> Iterator[Kept]:
    with paper_account(tmp_path / "account") as (cloud, url):
        api = Client(url)
        order = {"name": NAME, "engine": "pg", "version": "17", "size": "db-s-1vcpu-1gb", "region": "fra1",
                 "num_nodes": 1, "tags": [TAG]}  # fmt: skip
        id = api("POST", "/databases", order)["database"]["id"]
        made = api.until(f"/databases/{id}", lambda body: body["database"]["status"] == "online")["database"]
        api("POST", f"/databases/{id}/dbs", {"name": "slipway"})
        api("POST", f"/databases/{id}/users", {"name": "slipway"})
        for at in TIMES:
            api.raw("POST", f"/_cloud/databases/{id}/backups")
            cloud.store.state.databases[id].backups[-1]["created_at"] = at
        desk.stack(data={"kind": "managed"}, cloud={"name": "digitalocean", "tag": TAG, "database": {"id": id}})
        kept = Kept(desk, api, cloud, id)
        kept.exported.write_text(json.dumps(state(made)))
        yield kept


def state(cluster: dict[str, Any]) -> dict[str, Any]:
    """As much of a deployment as is looked at, and a neighbour that names the cluster too."""
    id, urn = cluster["id"], "urn:pulumi:staging::slipway::slipway:components:Database"
    facts = {
        "name": cluster["name"],
        "region": "fra1",
        "engine": "pg",
        "privateNetworkUuid": cluster["private_network_uuid"],
    }
    rows = [
        {"urn": f"{urn}$digitalocean:index/databaseCluster:DatabaseCluster::database", "protect": True, "id": id,
         "type": "digitalocean:index/databaseCluster:DatabaseCluster", "outputs": {"id": id, **facts}},
        *({"urn": f"{urn}$digitalocean:index/{kind}::database", "type": f"digitalocean:index/{kind}", "protect": True,
           "id": f"{id}/{part}", "inputs": {"clusterId": id}, "outputs": {"clusterId": id, "name": "slipway"}}
          for kind, part in PARTS.items()),
        {"urn": f"{urn}$digitalocean:index/databaseFirewall:DatabaseFirewall::database", "id": f"{id}-20251120",
         "type": "digitalocean:index/databaseFirewall:DatabaseFirewall", "outputs": {"clusterId": id}},
        {"urn": "urn:pulumi:staging::slipway::command:local:Command::release", "type": "command:local:Command",
         "id": "command", "outputs": {"said": id}},
    ]  # fmt: skip
    return {"version": 3, "deployment": {"resources": rows}}


def test_the_newest_backup_before_the_moment_is_adopted(kept: Kept) -> None:
    ended = kept.restore("--at", "2025-11-20 02:59", *YES)
    assert ended.code == 0, ended.err
    assert "the cloud's backup of 2025-11-19 03:00:00 UTC, 24 hours before the moment you named" in ended.out
    assert f"doctl databases delete {kept.id}   gives it up" in ended.out
    new = kept.other
    assert (new["tags"], new["size"], new["db_names"]) == ([TAG], "db-s-1vcpu-1gb", ["defaultdb", "slipway"])
    assert new["name"].startswith("slipway-staging-database-")
    assert kept.cloud.store.state.databases[new["id"]].copy_of == [kept.id, TIMES[1]]
    assert [rule["value"] for rule in kept.api("GET", f"/databases/{new['id']}/firewall")["rules"]] == [TAG]
    *ours, neighbour = json.loads(kept.exported.read_text())["deployment"]["resources"]
    assert [row["id"] for row in ours] == [new["id"], *(f"{new['id']}/{part}" for part in PARTS.values()),
                                           f"{new['id']}-20251120"]  # fmt: skip
    assert kept.id not in json.dumps(ours)
    assert neighbour["outputs"]["said"] == kept.id
    imported, refreshed, up = kept.pulumi()
    assert imported == "stack import -s staging"
    assert refreshed.count("--target") == 4
    assert up == "up --yes --skip-preview -s staging"


def test_the_way_back_is_the_same_way(kept: Kept) -> None:
    assert kept.restore("--at", "latest", *YES).code == 0
    new = kept.other
    kept.desk.stack(data={"kind": "managed"}, cloud={"name": "digitalocean", "tag": TAG, "database": {"id": new["id"]}})
    assert f"is served from {NAME} ({kept.id})" in kept.restore("--undo", *YES).out
    assert new["id"] not in json.dumps(json.loads(kept.exported.read_text())["deployment"]["resources"][:4])
    assert len(kept.clusters) == 2


def test_one_that_was_stopped_half_way_is_finished_or_taken_back(kept: Kept) -> None:
    """The state names the new cluster, and the outputs still the old one, as `up` never ended."""
    assert kept.restore("--at", "latest", *YES).code == 0
    new, before = kept.other["id"], len(kept.pulumi())
    again = kept.restore("--cluster", new, *YES)
    assert (again.code, "gives it up" in again.out) == (0, False)
    assert kept.pulumi()[before:][-1] == "up --yes --skip-preview -s staging"
    assert new in kept.exported.read_text()
    assert kept.restore("--cluster", kept.id, *YES).code == 0
    assert new not in kept.exported.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "2025-11-20 04:00"], "should be named in full (got nothing), add --yes-overwrite staging"),
        (["--at", "2025-11-20 04:00", "--yes-overwrite", "stag"], "should be named in full (got 'stag')"),
        (["--at", "2025-11-18 02:59", *YES], "before the cloud's first backup (the oldest is of 2025-11-18 03:00"),
        ([*YES], "should say a moment (got none)"),
        (["--undo", *YES], "should find one other cluster (got none), name it: --cluster ID"),
        (["--cluster", "nobody", *YES], "there is no database cluster nobody in this account"),
        (["--confirm"], "a cluster that no longer serves is yours to remove"),
        (["--at", "latest", "--timeline", "2", *YES], "--timeline has no meaning for a database that the cloud keeps"),
    ],
)  # fmt: skip
def test_what_is_refused_orders_and_changes_nothing(kept: Kept, words: list[str], said: str) -> None:
    before = kept.exported.read_text()
    ended = kept.restore(*words)
    assert (ended.code, said in ended.err) == (2, True), ended.err
    assert (len(kept.clusters), kept.exported.read_text(), kept.pulumi()) == (1, before, [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"region": "ams3"}, "region: should be fra1 (got ams3)"),
        ({"name": "alien"}, "should hold db slipway (got defaultdb)"),
    ],
)  # fmt: skip
def test_a_cluster_that_up_would_replace_is_not_adopted(kept: Kept, change: dict[str, str], said: str) -> None:
    order = {
        "name": "alien",
        "engine": "pg",
        "version": "17",
        "size": "db-s-1vcpu-1gb",
        "region": "fra1",
        "num_nodes": 1,
    }
    id = kept.api("POST", "/databases", {**order, **change})["database"]["id"]
    kept.api.until(f"/databases/{id}", lambda body: body["database"]["status"] == "online")
    before = kept.exported.read_text()
    ended = kept.restore("--cluster", id, *YES)
    assert ended.code == 2
    assert f"{said}, nothing was changed" in ended.err
    assert (kept.exported.read_text(), kept.pulumi()) == (before, [])
    assert kept.api("GET", f"/databases/{id}/firewall")["rules"] == []


def test_what_is_on_its_way_out_is_not_touched() -> None:
    rows = [
        {"urn": "u", "type": adoption.CLUSTER, "id": "old", "delete": True},
        {"urn": "u", "type": adoption.CLUSTER, "id": "old"},
    ]
    found = adoption.swapped({"deployment": {"resources": rows}}, old="old", new="new")["deployment"]["resources"]
    assert [row["id"] for row in found] == ["old", "new"]


def test_an_old_backup_of_the_clouds_is_told() -> None:
    found = {"newest": None, "cloud": {"count": 1, "newest": time.time() - 5 * 86400, "oldest": 0}}
    assert any(
        "the cloud's own newest backup is 5 days old" in line for line in text.complaints(found, stack="staging")
    )


def test_status_tells_the_clouds_own_backups_or_why_not(kept: Kept) -> None:
    said = {"ok": True, "newest": None, "backups": 0, "oldest": None, "drill": None}
    kept.desk.answer(stdout=json.dumps(said) + "\n")
    url, words = kept.api.url, ("backup", "status", "staging")
    asked = kept.desk.run(*words, DIGITALOCEAN_API_URL=url, DIGITALOCEAN_TOKEN="local-test").out
    assert "the cloud's    3; the newest " in asked
    assert "the oldest of 2025-11-18 03:00 UTC" in asked
    unasked = kept.desk.run(*words, DIGITALOCEAN_API_URL=url, DIGITALOCEAN_TOKEN="", DIGITALOCEAN_ACCESS_TOKEN="")
    assert "the cloud's    not asked: no token: set DIGITALOCEAN_TOKEN" in unasked.out
