"""When a cluster that was started takes writes, and what it said when it never does."""

from __future__ import annotations

from pathlib import Path

from ..agent.failure import Failure
from ..agent.machine import Machine
from .place import SOCKETS
from .running import sql

__all__ = ["last_words", "opened"]

LIMIT = 12 * 3600.0  # a long log is replayed for long


def opened(machine: Machine, data: Path, *, sockets: str = SOCKETS, limit: float = LIMIT) -> bool:
    """Wait for the end of its recovery; False when it has gone instead."""
    until = machine.now() + limit
    while machine.now() < until:
        # with no standby wanted it answers nobody before that
        if sql(machine, "SELECT pg_is_in_recovery()", check=False, sockets=sockets).out.strip() == "f":
            return True
        if not (data / "postmaster.pid").exists():
            return False
        machine.pause(0.3)
    raise Failure(f"{data}: should have recovered within {limit:.0f} s")


def last_words(log: Path, *, since: int = 0) -> str:
    """The last fatal line of a log."""
    try:
        lines = log.read_bytes()[since:].decode(errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    fatal = [line.split("FATAL:", 1)[1].strip() for line in lines if "FATAL:" in line]
    # what it answers to those who ask too early is no cause
    causes = [line for line in fatal if "the database system is" not in line]
    return (causes or fatal or lines or ["it said nothing"])[-1]
