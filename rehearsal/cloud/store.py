"""The cloud's whole state under one lock, written to one file."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rehearsal.cloud import rows
from rehearsal.cloud.hetzner import rows as hetzner

TABLES: dict[str, tuple[type[Any], str]] = {
    "keys": (rows.SshKey, "id"),
    "vpcs": (rows.Vpc, "id"),
    "droplets": (rows.Droplet, "id"),
    "actions": (rows.Action, "id"),
    "reserved_ips": (rows.ReservedIp, "ip"),
    "firewalls": (rows.Firewall, "id"),
    "databases": (rows.Database, "id"),
    "domains": (rows.Domain, "name"),
    "records": (rows.Record, "id"),
    "spaces_keys": (rows.SpacesKey, "access_key"),
    "buckets": (rows.Bucket, "name"),
    "tags": (rows.Tag, "name"),
    "projects": (rows.Project, "id"),
}
FIRST_IDS = {"droplet": 400000001, "action": 2000000001, "key": 40000001, "record": 1700000001}


@dataclass(kw_only=True)
class State:
    """Every row there is; `filed` maps resource URNs to projects, `hetzner` holds what the other API made."""

    keys: dict[int, rows.SshKey] = field(default_factory=dict)
    vpcs: dict[str, rows.Vpc] = field(default_factory=dict)
    droplets: dict[int, rows.Droplet] = field(default_factory=dict)
    actions: dict[int, rows.Action] = field(default_factory=dict)
    reserved_ips: dict[str, rows.ReservedIp] = field(default_factory=dict)
    firewalls: dict[str, rows.Firewall] = field(default_factory=dict)
    databases: dict[str, rows.Database] = field(default_factory=dict)
    domains: dict[str, rows.Domain] = field(default_factory=dict)
    records: dict[int, rows.Record] = field(default_factory=dict)
    spaces_keys: dict[str, rows.SpacesKey] = field(default_factory=dict)
    buckets: dict[str, rows.Bucket] = field(default_factory=dict)
    tags: dict[str, rows.Tag] = field(default_factory=dict)
    projects: dict[str, rows.Project] = field(default_factory=dict)
    filed: dict[str, rows.Json] = field(default_factory=dict)
    hetzner: hetzner.Tables = field(default_factory=hetzner.Tables)
    ids: dict[str, int] = field(default_factory=lambda: dict(FIRST_IDS))
    cursors: dict[str, int] = field(default_factory=dict)

    def next_id(self, kind: str) -> int:
        """Give the next number of a kind; numbers are never used twice."""
        number = self.ids[kind]
        self.ids[kind] = number + 1
        return number

    def dump(self) -> rows.Json:
        """Give everything as plain JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*TABLES, "hetzner")}
        tables = {name: [asdict(row) for row in getattr(self, name).values()] for name in TABLES}
        return {"format": 1, **tables, **plain, "hetzner": self.hetzner.dump()}


def load(document: rows.Json) -> State:
    """Read what `State.dump` wrote."""
    state = State(filed=document["filed"], ids=document["ids"], cursors=document["cursors"])
    state.hetzner = hetzner.load(document.get("hetzner", {}))
    for name, (row_type, key) in TABLES.items():
        table = getattr(state, name)
        for row in (row_type(**plain) for plain in document[name]):
            table[getattr(row, key)] = row
    return state


class Store:
    """The state, its lock and its file."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.state = load(json.loads(path.read_text())) if path.exists() else State()

    @contextmanager
    def read(self) -> Iterator[State]:
        """Look at the state."""
        with self.lock:
            yield self.state

    @contextmanager
    def change(self) -> Iterator[State]:
        """Change the state and write it when the block succeeds."""
        with self.lock:
            yield self.state
            self.save()

    def save(self) -> None:
        """Write the file in one step."""
        with self.lock:
            draft = self.path.with_suffix(".new")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(self.state.dump(), file)
            draft.replace(self.path)


def now() -> str:
    """Give the time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uuid() -> str:
    """Give a fresh id of the kind that is a string."""
    return str(uuid.uuid4())
