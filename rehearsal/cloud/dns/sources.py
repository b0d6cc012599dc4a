"""The zones that people keep at the APIs, in one form."""

from __future__ import annotations

from typing import Any

import dnslib

from rehearsal.cloud.digitalocean import domains
from rehearsal.cloud.dns.zones import Line, Zone
from rehearsal.cloud.hetzner import records
from rehearsal.cloud.hetzner import rows as hetzner
from rehearsal.cloud.hetzner import zones as hetzner_zones
from rehearsal.cloud.rows import Domain, Record
from rehearsal.cloud.store import State


def zone_of(state: State, name: str) -> Zone | None:
    """Find the closest zone around a name; where both clouds have it, it is delegated to Hetzner."""
    known: list[Domain | hetzner.Zone] = [*state.domains.values(), *state.hetzner.zones.values()]
    inside = [zone for zone in known if name == zone.name or name.endswith(f".{zone.name}")]
    found = max(reversed(inside), key=lambda zone: len(zone.name), default=None)
    if isinstance(found, hetzner.Zone):
        return _of_hetzner(state, found)
    return _of_digitalocean(state, found) if found else None


def _of_digitalocean(state: State, zone: Domain) -> Zone:
    rows = domains.records(state, zone.name)
    lines = [Line(label=row.name, type=row.type, ttl=row.ttl, data=_data(zone, row)) for row in rows]
    return Zone(name=zone.name, serial=zone.serial, nameservers=domains.NAMESERVERS, lines=lines)


def _of_hetzner(state: State, zone: hetzner.Zone) -> Zone:
    lines = [
        Line(label=row.name, type=row.type, ttl=row.ttl or zone.ttl, data=_read(zone, row.type, record["value"]))
        for row in hetzner_zones.sets(state.hetzner, zone)
        for record in row.records
    ]
    return Zone(name=zone.name, serial=zone.serial, nameservers=hetzner_zones.NAMESERVERS, lines=lines)


def _read(zone: hetzner.Zone, type: str, value: str) -> Any:
    return None if type == "SOA" else records.read(zone.name, type, value)


def _data(zone: Domain, row: Record) -> Any:
    target = zone.name if row.data == "@" else row.data
    if row.type == "SOA":
        return None
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
