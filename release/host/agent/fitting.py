"""What a machine and a database bear while two releases run: arithmetic alone, for a preview as for a machine."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ESTIMATE",
    "LEAST",
    "SHARE",
    "SPARE",
    "SYSTEM",
    "Load",
    "cache_of",
    "lacking_connections",
    "lacking_memory",
    "processes",
]

SYSTEM = 250  # MiB kept for everything else
SHARE = 0.8  # of a machine's memory at the most for the site: MemoryMax of its slice
ESTIMATE = 120  # MiB of one process of a site nobody has measured: how many are started
LEAST = 60  # MiB of one process that does something: what surely does not fit
SPARE = 3  # connections for migrations, a person's manage command, monitoring


@dataclass(frozen=True)
class Load:
    """What one release runs; `beside` is MiB of what runs once, whichever release serves."""

    threads: int
    workers: int
    schedule: int
    processes: int | None = None  # None: as many as fit
    beside: int = 0


def cache_of(mib: int) -> int:
    """MiB a cache on the machine gets."""
    return min(1024, max(32, mib // 10))


def processes(load: Load, *, mib: int, cpus: int, connections: int | None) -> int:
    """gunicorn's processes: what is wished, else what CPU, memory and database bear while two releases run."""
    if load.processes:
        return load.processes
    others = ESTIMATE * (2 * load.workers + load.schedule) + load.beside
    bearable = [2 * cpus + 1, int((mib * 0.7 - SYSTEM - others) / (2 * ESTIMATE))]
    if connections is not None:
        left = connections - SPARE - 2 * load.workers - load.schedule
        bearable.append(left // (2 * load.threads))
    return max(1, min(bearable))


def lacking_connections(load: Load, *, there_are: int) -> str:
    """Empty, or the sum: every thread keeps a connection, every worker and every job has one at least."""
    web = load.processes or 1
    needed = 2 * (web * load.threads + load.workers) + load.schedule + SPARE
    if needed <= there_are:
        return ""
    slots = f"2 releases x ({_count(web, 'process', 'processes')} x {load.threads} threads + {_workers(load)})"
    return f"{needed} database connections: {slots} + {load.schedule} scheduled + {SPARE} for migrations and people"


def lacking_memory(load: Load, *, mib: int) -> str:
    """Empty, or the sum, of which every process is counted with the least that one takes."""
    web = load.processes or 1
    count = 2 * (web + load.workers) + load.schedule + 1
    needed = count * LEAST + load.beside
    if needed <= mib * SHARE:
        return ""
    slots = f"2 releases x ({_count(web, 'process', 'processes')} + {_workers(load)}) + {load.schedule} scheduled"
    beside = f" + {load.beside} MiB for what is beside them" if load.beside else ""
    return f"{needed} MiB: ({slots} + 1 migration) x {LEAST} MiB at least{beside}"


def _workers(load: Load) -> str:
    return _count(load.workers, "worker", "workers")


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
