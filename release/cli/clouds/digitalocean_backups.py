"""DigitalOcean's own backups of a database cluster, and a new cluster out of one of them."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from release.cli.clouds.cloud import NotAsked
from release.cli.clouds.digitalocean_api import Api

__all__ = ["Clusters", "Copy"]

BIRTH = 3600.0
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Copy:
    """One backup, as the cloud lists it."""

    at: datetime
    written: str  # the same as the API wrote it, which knows it by no other name
    gigabytes: float


class Clusters:
    """The clusters of one environment: those that bear its tag."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._api = Api()

    def find(self, id: str) -> Json:
        """One of the account's."""
        found = self._api.get(f"databases/{quote(id)}")
        if not found:
            raise NotAsked(f"there is no database cluster {id} in this account")
        cluster: Json = found["database"]
        return cluster

    def others(self, id: str) -> list[Json]:
        """Those beside the one that serves."""
        return [row for row in self._api.all(f"databases?tag_name={quote(self._tag)}", "databases") if row["id"] != id]

    def copies(self, id: str) -> list[Copy]:
        """A cluster's backups, the oldest first."""
        rows = (self._api.get(f"databases/{quote(id)}/backups") or {}).get("backups") or []
        found = [
            Copy(datetime.fromisoformat(row["created_at"]), row["created_at"], row["size_gigabytes"]) for row in rows
        ]
        return sorted(found, key=lambda copy: copy.at)

    def order(self, old: Json, copy: Copy) -> Json:
        """A cluster like the old one out of its backup, closed to all but the environment's servers from birth."""
        like = ("engine", "version", "size", "region", "num_nodes", "private_network_uuid", "storage_size_mib")
        body = {
            **{key: old[key] for key in like if old.get(key)},
            "name": f"{re.sub('-[0-9a-f]{7}$', '', old['name'])}-{secrets.token_hex(4)[:7]}",
            "tags": [self._tag],
            "rules": self._rules(),
            "backup_restore": {"database_name": old["name"], "backup_created_at": copy.written},
        }
        made: Json = self._api.send("POST", "databases", body)["database"]
        return made

    def close(self, id: str) -> None:
        """Let in the environment's servers and nobody else."""
        self._api.send("PUT", f"databases/{quote(id)}/firewall", {"rules": self._rules()})

    def online(self, id: str, *, tell: Callable[[str], None]) -> Json:
        """The cluster, once it takes connections."""
        until, pause, told = time.monotonic() + BIRTH, 0.5, ""
        while (cluster := self.find(id))["status"] != "online":
            if time.monotonic() > until:
                raise NotAsked(f"{cluster['name']} should be online within an hour (got {cluster['status']})")
            if cluster["status"] != told:
                tell(f"{cluster['name']} is {cluster['status']}, which takes minutes")
            told, pause = cluster["status"], min(10.0, pause * 1.5)
            time.sleep(pause)
        return cluster

    def _rules(self) -> Sequence[Json]:
        return [{"type": "tag", "value": self._tag}]
