"""A database cluster in the place of another one in the engine's state, and nothing else changed there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from release.cli.engine import interactive
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import export, replace_state

__all__ = ["adopt", "current", "swapped", "up"]

KINDS = "digitalocean:index/database"
CLUSTER = f"{KINDS}Cluster:DatabaseCluster"
Json = Mapping[str, Any]


def current(project: Project, stack: str) -> str:
    """The cluster that the state names; the outputs may be of an `up` before."""
    rows = export(project, stack)["deployment"].get("resources") or []
    found = [str(row["id"]) for row in rows if row["type"] == CLUSTER and not row.get("delete")]
    if len(found) != 1:
        raise Refusal(
            f"{stack}: its state should have one database cluster (got {len(found)}), run pulumi up -s {stack}"
        )
    return found[0]


def held(state: Json, cluster: str) -> list[Json]:
    """The cluster and what is in it: its database, its user, its trusted sources."""
    rows = state["deployment"].get("resources") or []
    return [row for row in rows if row["type"].startswith(KINDS) and cluster in row["id"] and not row.get("delete")]


def swapped(state: Json, *, old: str, new: str) -> dict[str, Any]:
    """The state with another cluster's id wherever these say the old one's; they stay protected if they were."""
    ours = [row["urn"] for row in held(state, old)]
    rows = [
        json.loads(json.dumps(row).replace(old, new)) if row["urn"] in ours and not row.get("delete") else row
        for row in state["deployment"]["resources"]
    ]
    return {**state, "deployment": {**state["deployment"], "resources": rows}}


def adopt(project: Project, stack: str, *, old: str, new: Json, close: Callable[[], None]) -> None:
    """Have the stack's state name the new cluster, with the addresses and passwords that the cloud tells of it.

    `close` shuts it to all others, once it is known to fit.
    """
    state = export(project, stack)
    ours = held(state, old)
    _fits(stack, ours, new)
    close()
    replace_state(project, stack, swapped(state, old=old, new=new["id"]))
    targets = [word for row in ours for word in ("--target", row["urn"])]
    words = ["refresh", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive", *targets, "-s", stack]
    if interactive(project, *words):
        raise Refusal(
            f"{stack}: pulumi refresh could not read the new cluster, pulumi up --refresh -s {stack} tries again, "
            f"slipway backup restore {stack} --cluster {old} goes back"
        )


def up(project: Project, stack: str, *, asked: bool) -> int:
    """`pulumi up` as a person types it, without its questions where they were answered already."""
    return interactive(project, "up", *(["--yes", "--skip-preview", "--non-interactive"] if asked else []), "-s", stack)


def _fits(stack: str, ours: list[Json], new: Json) -> None:
    """What differs here the next `up` would replace, and with it the data."""
    found = {row["type"].rpartition(":")[2]: row.get("outputs") or {} for row in ours}
    cluster = found["DatabaseCluster"]
    wanted = {key: cluster.get(ours) for key, ours in (("engine", "engine"), ("region", "region"),
                                                       ("private_network_uuid", "privateNetworkUuid"))}  # fmt: skip
    for key, value in wanted.items():
        if new.get(key) != value:
            raise Refusal(f"{stack}: {new['name']}: {key}: should be {value} (got {new.get(key)}), nothing was changed")
    parts = (("DatabaseDb", new.get("db_names") or []), ("DatabaseUser", [u["name"] for u in new.get("users") or []]))
    for kind, names in parts:
        name = found.get(kind, {}).get("name")
        if name and name not in names:
            raise Refusal(f"{stack}: {new['name']}: should hold {kind[8:].lower()} {name} (got {', '.join(names)}), "
                          "nothing was changed")  # fmt: skip
