"""The certificate authority as this machine meets it: whether it will find us, and what it told Caddy."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

from .machine import Machine

__all__ = ["points", "refusals", "wait"]

# Caddy's words (certmagic's): one answer of one authority, then that all of them have refused for now.
REFUSED, GAVE_UP = "could not get certificate from issuer", "will retry"
OF_HOST = re.compile(r"\[([^\]]+)\]")
LOOK = 0.5


def points(host: str, address: str) -> bool:
    """Whether this machine finds the name at the address."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return address in {entry[4][0] for entry in found}


def wait(machine: Machine, *, lacking: Callable[[], Sequence[str]], since: float, limit: float) -> dict[str, str]:
    """Until each host has its certificate or was refused one; those that were, and in which words."""
    end = machine.now() + limit
    while True:
        refused = refusals(machine, since=since) if lacking() else {}
        left = set(lacking())
        if left <= set(refused) or machine.now() >= end:
            return {host: why for host, why in refused.items() if host in left}
        machine.pause(LOOK)


def refusals(machine: Machine, *, since: float) -> dict[str, str]:
    """Hosts for which Caddy has given up for now since that time, each with the first authority's words."""
    pattern = f"--grep={REFUSED}|{GAVE_UP}"
    argv = ["journalctl", "--quiet", "--unit=caddy", f"--since=@{since:.0f}", "--output=cat", pattern]
    words: dict[str, str] = {}
    gone: list[str] = []
    for line in machine.run(argv, check=False).lines:
        entry = _read(line)
        if entry.get("ts", 0) < since:
            continue
        if entry.get("msg") == REFUSED:
            words.setdefault(str(entry.get("identifier")), str(entry.get("error")))
        elif entry.get("msg") == GAVE_UP and (host := OF_HOST.match(str(entry.get("error")))):
            gone.append(host[1])
    return {host: words.get(host, "without a reason") for host in gone}


def _read(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
