"""The way to the host's resolvers, for the names of package sources and no others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from dnslib import QTYPE, DNSError, DNSRecord

from rehearsal.cloud.dns.zones import Reply
from rehearsal.cloud.ports import Gate

log = logging.getLogger("cloud")
SECONDS = 3.0
OPEN_SECONDS = 1800  # the gate itself stays open for longer


class Forwarder:
    """Asks the host's resolvers and opens the gate to what they answer."""

    def __init__(
        self, *, names: Callable[[], Collection[str]], resolvers: Callable[[], Sequence[str]], gate: Gate
    ) -> None:
        self._find_names = names
        self._find_resolvers = resolvers
        self._gate = gate
        self._opened: dict[str, float] = {}
        self._lock = threading.Lock()

    @cached_property
    def names(self) -> frozenset[str]:
        """Give the allowed names; finding them out takes a while, so once."""
        with self._lock:
            return frozenset(name.lower().rstrip(".").removeprefix("*") for name in self._find_names())

    @cached_property
    def resolvers(self) -> Sequence[str]:
        """Give whom to ask."""
        return self._find_resolvers()

    def allows(self, name: str) -> bool:
        """Say whether a name may be asked for outside."""
        parts = name.split(".")
        return name in self.names or any(f".{'.'.join(parts[at:])}" in self.names for at in range(1, len(parts)))

    def ask(self, name: str, type: str) -> Reply:
        """Ask outside; only IPv4 has a way out."""
        if type != "A":
            return Reply(authoritative=False)
        for resolver in self.resolvers:
            try:
                answer = DNSRecord.parse(DNSRecord.question(name, type).send(resolver, 53, timeout=SECONDS))
            except (OSError, DNSError) as error:
                log.warning("resolver %s about %s: %s", resolver, name, error)
                continue
            self._open([str(row.rdata) for row in answer.rr if row.rtype == QTYPE.A])
            return Reply(rcode=answer.header.rcode, authoritative=False, answers=list(answer.rr))
        raise TimeoutError(f"no resolver of the host answered about {name}")

    def _open(self, addresses: Sequence[str]) -> None:
        with self._lock:
            now = time.monotonic()
            fresh = [address for address in addresses if now - self._opened.get(address, -OPEN_SECONDS) >= OPEN_SECONDS]
            if fresh:
                self._gate(fresh)
                self._opened.update(dict.fromkeys(fresh, now))
