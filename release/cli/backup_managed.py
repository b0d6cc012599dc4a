"""The way back for a database that the cloud keeps: it restores into a new cluster, which the stack then adopts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from release.cli.adoption import adopt, current, up
from release.cli.backup_text import span, told
from release.cli.clouds.cloud import NotAsked
from release.cli.clouds.digitalocean_backups import Clusters, Copy
from release.cli.moments import moment
from release.cli.overwriting import agreed
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import Stack

__all__ = ["own_copies", "restore_managed"]


def own_copies(stack: Stack) -> dict[str, Any]:
    """What the cloud keeps by itself, or why it could not be asked."""
    try:
        clusters, id = _clusters(stack)
        copies = clusters.copies(id)
    except NotAsked as reason:
        return {"reason": str(reason)}
    return {
        "count": len(copies),
        **({"newest": copies[-1].at.timestamp(), "oldest": copies[0].at.timestamp()} if copies else {}),
    }


def restore_managed(project: Project, stack: Stack, given: argparse.Namespace) -> int:
    """A new cluster out of a backup, or one that is there, in the place of the one that serves."""
    try:
        clusters, old = _clusters(stack)[0], current(project, stack.name)
        new = _another(clusters, old, stack, given)
        return _taken_over(project, stack, clusters, old=old, new=new, asked=given.yes_overwrite is not None)
    except NotAsked as reason:
        raise Refusal(f"{stack.name}: {reason}") from None


def _clusters(stack: Stack) -> tuple[Clusters, str]:
    made = stack.outputs.get("cloud") or {}
    if not made.get("database"):
        raise NotAsked(f"the state does not say which cluster is the stack's, run pulumi up -s {stack.name}")
    return Clusters(made["tag"]), str(made["database"]["id"])


def _another(clusters: Clusters, old: str, stack: Stack, given: argparse.Namespace) -> Mapping[str, Any]:
    if given.confirm:
        rows = [f"  doctl databases delete {row['id']}   # {row['name']}" for row in clusters.others(old)]
        raise Refusal("\n".join([f"{stack.name}: a cluster that no longer serves is yours to remove:", *rows]))
    if given.timeline:
        raise Refusal(f"{stack.name}: --timeline has no meaning for a database that the cloud keeps, take it out")
    if given.undo or given.cluster:
        found = clusters.find(given.cluster) if given.cluster else _only_other(clusters, old, stack)
        agreed(stack, what=f"the site is served from {found['name']} ({found['id']}), with what is in it now",
               given=given.yes_overwrite)  # fmt: skip
        return found
    if not given.at:
        raise Refusal(f"{stack.name}: restore: should say a moment (got none), --at '2026-11-20 10:00' means UTC")
    return _restored(clusters, old, stack, at=None if given.at == "latest" else moment(given.at), given=given)


def _restored(
    clusters: Clusters, old: str, stack: Stack, *, at: datetime | None, given: argparse.Namespace
) -> Mapping[str, Any]:
    copy = _newest(clusters.copies(old), at, stack)
    lost = f", {span((at - copy.at).total_seconds())} before the moment you named" if at else ""
    what = (
        f"the database becomes what it was in the cloud's backup of {told(copy.at)}{lost}; "
        "what was written after it stays in the old cluster alone"
    )
    agreed(stack, what=what, given=given.yes_overwrite)
    made = clusters.order(clusters.find(old), copy)
    print(f"{made['name']} ({made['id']}) is ordered; should this end early: "
          f"slipway backup restore {stack.name} --cluster {made['id']}", flush=True)  # fmt: skip
    return made


def _newest(copies: list[Copy], at: datetime | None, stack: Stack) -> Copy:
    fitting = [copy for copy in copies if at is None or copy.at <= at]
    if fitting:
        return fitting[-1]
    oldest = f"the oldest is of {told(copies[0].at)}" if copies else "it has none yet"
    raise Refusal(f"{stack.name}: restore: --at: should not be before the cloud's first backup ({oldest}); "
                  "older dumps are in the bucket, see docs/backups.md")  # fmt: skip


def _only_other(clusters: Clusters, old: str, stack: Stack) -> Mapping[str, Any]:
    found = clusters.others(old)
    if len(found) != 1:
        names = ", ".join(f"{row['name']} {row['id']}" for row in found) or "none"
        raise Refusal(
            f"{stack.name}: restore --undo: should find one other cluster (got {names}), name it: --cluster ID"
        )
    return found[0]


def _taken_over(
    project: Project, stack: Stack, clusters: Clusters, *, old: str, new: Mapping[str, Any], asked: bool
) -> int:
    start = time.monotonic()
    online = clusters.online(new["id"], tell=lambda words: print(words, flush=True))
    adopt(project, stack.name, old=old, new=online, close=lambda: clusters.close(online["id"]))
    print(f"the stack's state names {online['name']} now; the site is told by pulumi up -s {stack.name}:", flush=True)
    code = up(project, stack.name, asked=asked)
    back = f"slipway backup restore {stack.name} --cluster {old}"
    if code:
        print(f"pulumi up failed: run it again, or go back: {back}")
        return code
    print(f"the site is served from {online['name']} ({online['id']}), after {span(time.monotonic() - start)}")
    if old == online["id"]:
        return 0  # an adoption that was stopped half-way is whole now
    print("\n".join([
        "the cluster before is left as it is, costs what it did, and is nobody's but yours to remove:",
        f"  {back}   goes back to it",
        f"  doctl databases delete {old}   gives it up",
    ]))  # fmt: skip
    return 0
