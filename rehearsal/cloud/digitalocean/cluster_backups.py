"""A cluster's own backups, and a new cluster out of one of them."""

from __future__ import annotations

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.errors import unprocessable
from rehearsal.cloud.rows import Database, Json
from rehearsal.cloud.store import State, now

TOLD = ("created_at", "size_gigabytes", "incremental")


def render(cluster: Database) -> list[Json]:
    """Give the API's list, the oldest first."""
    return [{key: row[key] for key in TOLD} for row in cluster.backups]


def take(cloud: Cloud, id: str) -> Json:
    """Copy a cluster as it is now, as the cloud does once a day."""
    at = now()
    with cloud.store.read() as state:
        cluster = state.databases[id]
        row: Json = {"created_at": at, "users": dict(cluster.users), "dbs": list(cluster.dbs), "incremental": False}
    row["size_gigabytes"] = round(cloud.hypervisor.back_up_database(id, at) / 1e9, 8)
    with cloud.store.change():
        cluster.backups.append(row)
    return {key: row[key] for key in TOLD}


def inherit(state: State, cluster: Database, asked: Json | None) -> None:
    """Have a new cluster begin as a backup: the newest one unless one is named by its time."""
    if not asked:
        return
    sources = [each for each in state.databases.values() if each.name == asked.get("database_name")]
    at = asked.get("backup_created_at")
    found = [row for each in sources for row in each.backups if at in (None, row["created_at"])]
    if not found:
        raise unprocessable("backup_restore: no such database cluster, or no backup of that time")
    admin = next(iter(cluster.users))
    cluster.users = {**found[-1]["users"], admin: cluster.users[admin]}
    cluster.dbs = list(found[-1]["dbs"])
    cluster.copy_of = [sources[0].id, found[-1]["created_at"]]
