"""How far the archive is behind, and how full a disk is."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ..agent.machine import Machine

__all__ = ["archive", "disk"]


def archive(machine: Machine, data: Path) -> dict[str, int]:
    """What Postgres has written and the bucket does not have; a segment is cut every minute at the latest."""
    folder = machine.root / data.relative_to("/") / "pg_wal/archive_status"
    waiting = [path.stat().st_mtime for path in folder.glob("*.ready")]
    return {"behind": max(0, round(time.time() - min(waiting))) if waiting else 0, "queue": len(waiting)}


def disk(path: Path) -> dict[str, int]:
    """The file system a path is on."""
    used = shutil.disk_usage(path)
    return {"bytes": used.total, "free": used.free, "percent": round(100 * (used.total - used.free) / used.total)}
