"""What fits the machine."""

from __future__ import annotations

__all__ = ["memory_settings", "queue"]

MIB = 1 << 20


def memory_settings(memory: int, disk: int, *, alone: bool) -> dict[str, int]:
    """In MiB, after the usual rules; a machine shared with the site gives the database half of what it would have."""
    share = memory // MIB // (1 if alone else 2)
    connections = max(40, min(400, share // 20))
    return {
        "connections": connections,
        "shared_buffers": max(64, share // 4),
        "effective_cache_size": max(128, share * 3 // 4),
        "maintenance_work_mem": max(32, min(1024, share // 16)),
        "work_mem": max(2, share // (4 * connections)),
        "max_wal_size": max(256, min(4096, disk // MIB // 10)),
    }


def queue(disk: int) -> int:
    """MiB of changes that wait for a bucket before they are given up: a quarter of the disk."""
    return max(256, disk // MIB // 4)
