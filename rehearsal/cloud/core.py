"""The cloud behind its APIs: state, the computer below, work under way, what happened."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

from rehearsal.cloud import rules
from rehearsal.cloud.faults import Faults
from rehearsal.cloud.ports import FirewallRules, Hypervisor
from rehearsal.cloud.rows import Json, Vpc
from rehearsal.cloud.store import Store, now

log = logging.getLogger("cloud")


class Cloud:
    """Everything the APIs share."""

    def __init__(self, *, directory: Path, hypervisor: Hypervisor) -> None:
        self.directory = directory
        self.store = Store(path=directory / "state.json")
        self.hypervisor = hypervisor
        self.counters: Counter[str] = Counter()
        self.events: deque[Json] = deque(maxlen=2000)
        self._events_file = directory / "events.jsonl"
        self.faults = Faults(file=directory / "faults.json", event=self.event)
        self._applying = threading.RLock()
        self._jobs: set[threading.Thread] = set()
        self._walls: dict[int, list[FirewallRules]] | None = None
        self._trusted: dict[str, list[str]] = {}

    def event(self, kind: str, /, **about: object) -> None:
        """Remember that something happened, and log it."""
        row: Json = {"at": now(), "event": kind, **about}
        log.info("%s %s", kind, json.dumps(about, default=str))
        self.events.append(row)
        with self.store.lock, self._events_file.open("a") as file:
            file.write(json.dumps(row, default=str) + "\n")

    def count(self, kind: str) -> None:
        """Count one call."""
        with self.store.lock:
            self.counters[kind] += 1

    def start(self, title: str, work: Callable[[], None]) -> None:
        """Run work on a thread of its own; whatever it raises becomes an event."""
        thread = threading.Thread(target=self._run, args=(title, work), name=title, daemon=True)
        with self.store.lock:
            self._jobs.add(thread)
        thread.start()

    def _run(self, title: str, work: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            work()
            self.event("done", work=title, seconds=round(time.monotonic() - started, 2))
        except Exception as error:
            self.event("failed", work=title, cause=str(error), trace=traceback.format_exc())
        finally:
            with self.store.lock:
                self._jobs.discard(threading.current_thread())

    def settle(self, *, seconds: float = 60) -> bool:
        """Wait until nothing is under way."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.store.lock:
                jobs = list(self._jobs)
            if not jobs:
                return True
            jobs[0].join(max(0.0, deadline - time.monotonic()))
        return False

    def apply_rules(self) -> None:
        """Give the computer below the firewalls and trusted sources as they are now; the last call sees the newest."""
        with self._applying:
            with self.store.read() as state:
                walls = rules.firewalls(state)
                trusted = rules.trusted(state)
            if walls != self._walls:
                self.hypervisor.set_firewalls(walls)
                self._walls = walls
            for cluster, addresses in trusted.items():
                if addresses != self._trusted.get(cluster):
                    self._trust(cluster, addresses)
            self._trusted = trusted

    def _trust(self, cluster: str, addresses: list[str]) -> None:
        try:
            self.hypervisor.set_trusted(cluster, addresses)
        except Exception:
            with self.store.read() as state:
                row = state.databases.get(cluster)
                if row and not row.doomed:  # else it was destroyed in between, and nobody minds
                    raise

    def wire(self, vpc: Vpc) -> None:
        """Make the VPC's network when it is not there yet."""
        with self._applying:
            if not vpc.wired:
                self.hypervisor.create_network(vpc.id, vpc.ip_range)
                with self.store.change():
                    vpc.wired = True
