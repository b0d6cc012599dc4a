"""Answers out of the zones people keep at the API: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dnslib
from dnslib import CLASS, QTYPE, RCODE, RR

from rehearsal.cloud.digitalocean.domains import NAMESERVERS
from rehearsal.cloud.rows import Domain, Record
from rehearsal.cloud.store import State

NEGATIVE_TTL = 1800


@dataclass
class Reply:
    """What goes into the sections of an answer."""

    rcode: int = RCODE.NOERROR
    authoritative: bool = True
    answers: list[RR] = field(default_factory=list)
    authority: list[RR] = field(default_factory=list)
    alias: str | None = None  # where to look further


def zone_of(state: State, name: str) -> Domain | None:
    """Find the closest zone around a name."""
    inside = [zone for zone in state.domains.values() if name == zone.name or name.endswith(f".{zone.name}")]
    return max(inside, key=lambda zone: len(zone.name), default=None)


def answer(state: State, zone: Domain, name: str, type: str) -> Reply:
    """Answer a question about a name in a zone, as far as the zone knows."""
    rows = _rows(state, zone, name)
    if rows is None:
        return Reply(rcode=RCODE.NXDOMAIN, authority=[_soa(zone)])
    alias = next((row for row in rows if row.type == "CNAME"), None)
    if alias and type not in ("CNAME", "ANY"):
        return Reply(answers=[_rr(zone, name, alias)], alias=_absolute(zone, alias.data))
    found = [_rr(zone, name, row) for row in rows if type in (row.type, "ANY")]
    return Reply(answers=found, authority=[] if found else [_soa(zone)])


def _rows(state: State, zone: Domain, name: str) -> list[Record] | None:
    """Give the records at a name, [] for a name that only has names below it, None for no such name."""
    label = "@" if name == zone.name else name.removesuffix(f".{zone.name}")
    mine = [record for record in state.records.values() if record.domain == zone.name]
    rows = [record for record in mine if record.name == label]
    if rows or any(record.name.endswith(f".{label}") for record in mine):
        return rows
    parts = label.split(".")
    for depth in range(1, len(parts) + 1):
        wild = ".".join(["*", *parts[depth:]])
        if stars := [record for record in mine if record.name == wild]:
            return stars
        if any(r.name == ".".join(parts[depth:]) for r in mine):  # something closer exists: no wildcard above it
            return None
    return None


def _absolute(zone: Domain, data: str) -> str:
    return zone.name if data == "@" else data


def _rr(zone: Domain, name: str, row: Record) -> RR:
    if row.type == "SOA":
        return _soa(zone)
    return RR(name, getattr(QTYPE, row.type), CLASS.IN, row.ttl, _data(zone, row))


def _data(zone: Domain, row: Record) -> Any:
    target = _absolute(zone, row.data)
    if row.type == "MX":
        return dnslib.MX(target, row.priority or 0)
    if row.type == "SRV":
        return dnslib.SRV(row.priority or 0, row.weight or 0, row.port or 0, target)
    if row.type == "CAA":
        return dnslib.CAA(row.flags or 0, row.tag or "issue", row.data)
    if row.type == "TXT":
        raw = row.data.encode()
        return dnslib.TXT([raw[at : at + 255] for at in range(0, len(raw), 255)])
    return {"A": dnslib.A, "AAAA": dnslib.AAAA, "CNAME": dnslib.CNAME, "NS": dnslib.NS}[row.type](target)


def _soa(zone: Domain) -> RR:
    times = (zone.serial, 10800, 3600, 604800, NEGATIVE_TTL)
    data = dnslib.SOA(f"{NAMESERVERS[0]}.", f"hostmaster.{zone.name}.", times)
    return RR(zone.name, QTYPE.SOA, CLASS.IN, NEGATIVE_TTL, data)
