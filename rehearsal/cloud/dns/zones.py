"""Answers out of a zone: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dnslib
from dnslib import CLASS, QTYPE, RCODE, RR

NEGATIVE_TTL = 1800


@dataclass(frozen=True, kw_only=True)
class Line:
    """One record: its name within the zone (`@` is the zone itself), and its data as dnslib has it (none for SOA)."""

    label: str
    type: str
    ttl: int
    data: Any


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A zone as it is just now."""

    name: str
    serial: int
    nameservers: Sequence[str]
    lines: Sequence[Line]


@dataclass
class Reply:
    """What goes into the sections of an answer."""

    rcode: int = RCODE.NOERROR
    authoritative: bool = True
    answers: list[RR] = field(default_factory=list)
    authority: list[RR] = field(default_factory=list)
    alias: str | None = None  # where to look further


def answer(zone: Zone, name: str, type: str) -> Reply:
    """Answer a question about a name in a zone, as far as the zone knows."""
    lines = _lines(zone, name)
    if lines is None:
        return Reply(rcode=RCODE.NXDOMAIN, authority=[_soa(zone)])
    alias = next((line for line in lines if line.type == "CNAME"), None)
    if alias and type not in ("CNAME", "ANY"):
        return Reply(answers=[_rr(zone, name, alias)], alias=str(alias.data.label).rstrip("."))
    found = [_rr(zone, name, line) for line in lines if type in (line.type, "ANY")]
    return Reply(answers=found, authority=[] if found else [_soa(zone)])


def _lines(zone: Zone, name: str) -> list[Line] | None:
    """Give the records at a name, [] for a name that only has names below it, None for no such name."""
    label = "@" if name == zone.name else name.removesuffix(f".{zone.name}")
    found = [line for line in zone.lines if line.label == label]
    if found or any(line.label.endswith(f".{label}") for line in zone.lines):
        return found
    parts = label.split(".")
    for depth in range(1, len(parts) + 1):
        wild = ".".join(["*", *parts[depth:]])
        if stars := [line for line in zone.lines if line.label == wild]:
            return stars
        if any(line.label == ".".join(parts[depth:]) for line in zone.lines):  # something closer exists: no wildcard
            return None
    return None


def _rr(zone: Zone, name: str, line: Line) -> RR:
    if line.type == "SOA":
        return _soa(zone)
    return RR(name, getattr(QTYPE, line.type), CLASS.IN, line.ttl, line.data)


def _soa(zone: Zone) -> RR:
    times = (zone.serial, 10800, 3600, 604800, NEGATIVE_TTL)
    data = dnslib.SOA(f"{zone.nameservers[0]}.", f"hostmaster.{zone.name}.", times)
    return RR(zone.name, QTYPE.SOA, CLASS.IN, NEGATIVE_TTL, data)
