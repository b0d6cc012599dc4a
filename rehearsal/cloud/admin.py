"""`/_cloud/`: what a person or a test may ask about the cloud itself; never answered to a machine of the cloud."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import cluster_backups
from rehearsal.cloud.faults import BadFault
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import State

Objects = Callable[[str], list[Json]]
NAMED = ("vpcs", "droplets", "firewalls", "databases", "spaces_keys", "buckets", "projects", "tags", "keys")

OTHERS = ("GET buckets/NAME/objects", "GET|POST|DELETE faults", "DELETE faults/ID", "POST faults/meet",
          "POST databases/ID/backups")  # fmt: skip


class Admin:
    """Answers one request."""

    def __init__(self, cloud: Cloud, *, objects: Objects) -> None:
        self.cloud = cloud
        self.objects = objects

    def __call__(self, request: Request, request_id: str) -> Response:
        """Give the answer."""
        if self._is_machine(request.remote_addr):
            return _json(403, {"error": f"{request.remote_addr} is a machine of the cloud: not for machines"})
        parts = request.path.removeprefix("/_cloud").strip("/").split("/")
        key = f"{request.method} {parts[0]}"
        if len(parts) == 3 and key == "GET buckets" and parts[2] == "objects":
            return self._bucket(parts[1])
        if len(parts) == 3 and key == "POST databases" and parts[2] == "backups":
            return self._back_up(parts[1])
        if parts[0] == "faults":
            return self._faults(request, parts[1:])
        plain: dict[str, Callable[[Request], Any]] = {
            "GET health": self._health,
            "GET dump": self._dump,
            "GET events": lambda _: {"events": list(self.cloud.events)},
            "GET counters": lambda _: dict(self.cloud.counters),
            "POST reset-counters": self._reset,
            "GET inventory": self._inventory,
            "POST settle": lambda _: {"settled": self.cloud.settle(seconds=60)},
        }
        if key not in plain or len(parts) > 1:
            return _json(404, {"error": f"no such page, there are: {', '.join([*plain, *OTHERS])}"})
        return _json(200, plain[key](request))

    def _is_machine(self, peer: str | None) -> bool:
        with self.cloud.store.read() as state:
            droplets = {a for d in state.droplets.values() for a in (d.public_ip, d.private_ip)}
            return peer in droplets or peer in state.reserved_ips or peer in set(state.hetzner.addresses())

    def _bucket(self, name: str) -> Response:
        if name not in self.cloud.store.state.buckets:
            return _json(404, {"error": f"no bucket {name}"})
        return _json(200, {"bucket": name, "objects": self.objects(name)})

    def _back_up(self, id: str) -> Response:
        """What the cloud does with every cluster once a day."""
        with self.cloud.store.read() as state:
            known = id in state.databases and state.databases[id].status == "online"
        if not known:
            return _json(404, {"error": f"no database {id} that is online"})
        return _json(201, {"backup": cluster_backups.take(self.cloud, id)})

    def _faults(self, request: Request, rest: list[str]) -> Response:
        """The rules; `meet` is for a part of the cloud that is another process, such as the certificate authority."""
        faults, call = self.cloud.faults, (request.method, *rest)
        try:
            match call:
                case ("GET",):
                    return _json(200, {"faults": faults.list()})
                case ("POST",):
                    return _json(201, faults.add(request.get_json(silent=True)))
                case ("DELETE",):
                    return _json(200, {"removed": faults.remove()})
                case ("DELETE", id) if id.isdigit():
                    return _json(200, {"removed": faults.remove(int(id))})
                case ("POST", "meet"):
                    struck = faults.meet(**request.get_json())
                    return _json(200, {"fault": struck and asdict(struck)})
        except BadFault as error:
            return _json(400, {"error": str(error)})
        return _json(404, {"error": f"{'/'.join(['faults', *rest])}: no such page, there are: {', '.join(OTHERS[1:])}"})

    def _dump(self, request: Request) -> Json:
        with self.cloud.store.read() as state:
            return state.dump()

    def _health(self, request: Request) -> Json:
        with self.cloud.store.read() as state:
            counts = {name: len(getattr(state, name)) for name in NAMED}
            counts |= {f"hetzner {name}": len(rows) for name, rows in state.hetzner.resources().items()}
        return {"status": "ok", "pid": os.getpid(), "resources": counts, "counters": dict(self.cloud.counters)}

    def _reset(self, request: Request) -> Json:
        with self.cloud.store.lock:
            before = dict(self.cloud.counters)
            self.cloud.counters.clear()
        return {"before": before}

    def _inventory(self, request: Request) -> Json:
        with self.cloud.store.read() as state:
            found = inventory(state, tag=request.args.get("tag"), prefix=request.args.get("prefix"))
        return {"resources": found, "count": len(found)}


def inventory(state: State, *, tag: str | None, prefix: str | None) -> list[Json]:
    """List what users made: all of it, what bears a tag, or what has a name that starts so."""
    rows: list[Json] = []
    for kind in NAMED:
        for row in map(vars, getattr(state, kind).values()):
            seeded = kind in ("vpcs", "projects") and (row.get("default") or row.get("is_default"))
            wanted = tag is None or tag in row.get("tags", [row["name"]] if kind == "tags" else ())
            if not seeded and wanted and row["name"].startswith(prefix or ""):
                rows.append({"kind": kind, "id": row.get("id", row["name"]), "name": row["name"]})
    if tag is None and prefix is None:
        rows += [{"kind": "reserved_ips", "id": ip, "name": ip} for ip in state.reserved_ips]
    return rows + _labelled(state, tag=tag, prefix=prefix)


def _labelled(state: State, *, tag: str | None, prefix: str | None) -> list[Json]:
    """List what users made at Hetzner, where a label's value is what a tag is."""
    return [
        {"kind": f"hetzner {kind}", "id": row.id, "name": row.name}
        for kind, rows in state.hetzner.resources().items()
        for row in rows
        if tag in (None, *row.labels.values()) and row.name.startswith(prefix or "")
    ]


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body, default=str), status=status, content_type="application/json")
