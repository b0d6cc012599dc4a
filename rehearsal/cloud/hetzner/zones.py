"""DNS zones, as the name server answers them; their sets of records are in `rrsets`."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.cloud.hetzner import actions, labels, paging
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import invalid, not_built, not_found, not_unique, protected
from rehearsal.cloud.hetzner.resources import change_protection, common, find
from rehearsal.cloud.hetzner.rows import RrSet, Tables, Zone
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
actions.of_kind("zone", "zones")
NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
NAMESERVERS = ("hydrogen.ns.hetzner.com", "oxygen.ns.hetzner.com", "helium.ns.hetzner.de")
SHORTEST, LONGEST, USUAL = 60, 2147483647, 3600
NOT_BUILT = ("zonefile", "rrsets", "primary_nameservers")


def of(tables: Tables, wanted: str) -> Zone:
    """Find a zone by its id or its name."""
    if wanted.isdigit():
        return find(tables.zones, "zone", wanted)
    found = next((zone for zone in tables.zones.values() if zone.name == wanted), None)
    if found is None:
        raise not_found("zone", wanted)
    return found


def sets(tables: Tables, zone: Zone) -> list[RrSet]:
    """Give a zone's sets of records."""
    return [row for row in tables.rrsets.values() if row.zone == zone.id]


def check_ttl(ttl: Any) -> int:
    """Give a time to live, or refuse it."""
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not SHORTEST <= ttl <= LONGEST:
        raise invalid("ttl", f"Must be greater than or equal to {SHORTEST} and less than or equal to {LONGEST}.")
    return ttl


def _render(tables: Tables, zone: Zone) -> Json:
    servers = [f"{name}." for name in NAMESERVERS]
    return {
        **common(zone),
        "mode": "primary",
        "ttl": zone.ttl,
        "status": "ok",
        "registrar": "other",
        "protection": {"delete": zone.delete_protected},
        "record_count": sum(len(row.records) for row in sets(tables, zone)),
        "primary_nameservers": [],
        "authoritative_nameservers": {
            "assigned": servers,
            "delegated": servers,
            "delegation_last_check": zone.created,
            "delegation_status": "valid",
        },
    }


@routes.on("GET", "/zones")
def list_zones(call: Call) -> Answer:
    """List zones."""
    with call.read() as tables:
        found = tables.zones.values() if call.query.get("mode") in (None, "primary") else ()
        return paging.listing(call, "zones", found, lambda zone: _render(tables, zone))


@routes.on("POST", "/zones")
def create_zone(call: Call) -> Answer:
    """Take a zone in, with its SOA and NS records."""
    name, mode = call.need("name", "mode")
    _check(call.body, name, mode)
    with call.change() as tables:
        if any(zone.name == name for zone in tables.zones.values()):
            raise not_unique("zone")
        given = labels.check(call.body.get("labels"))
        ttl = check_ttl(call.body.get("ttl", USUAL))
        zone = Zone(id=tables.next_id("zone"), name=name, created=now(), labels=given, ttl=ttl)
        tables.zones[zone.id] = zone
        servers = [{"value": f"{server}.", "comment": ""} for server in NAMESERVERS]
        add(tables, zone, RrSet(id="", zone=zone.id, name="@", type="NS", records=servers))
        soa = f"{NAMESERVERS[0]}. dns.hetzner.com. {zone.serial} 86400 10800 3600000 3600"
        add(tables, zone, RrSet(id="", zone=zone.id, name="@", type="SOA", records=[{"value": soa, "comment": ""}]))
        action = actions.instantly(tables, "create_zone", ("zone", zone.id))
        return 201, {"zone": _render(tables, zone), "action": actions.render(action)}


def _check(body: Json, name: Any, mode: Any) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid("name", f"'{name}' is not a valid zone name")
    if mode not in ("primary", "secondary"):
        raise invalid("mode", "Must be one of: primary, secondary.")
    if mode == "secondary" or (asked := next((field for field in NOT_BUILT if body.get(field)), None)):
        raise not_built("a secondary zone" if mode == "secondary" else f"a zone with {asked}")


def add(tables: Tables, zone: Zone, row: RrSet) -> None:
    """Put a set of records into a zone."""
    row.id = f"{zone.id}/{row.name}/{row.type}"
    tables.rrsets[row.id] = row
    zone.serial += 1


@routes.on("GET", "/zones/<wanted>")
def read_zone(call: Call, wanted: str) -> Answer:
    """Show a zone."""
    with call.read() as tables:
        return 200, {"zone": _render(tables, of(tables, wanted))}


@routes.on("PUT", "/zones/<wanted>")
def change_zone(call: Call, wanted: str) -> Answer:
    """Label a zone."""
    with call.change() as tables:
        zone = of(tables, wanted)
        if call.body.get("labels") is not None:
            zone.labels = labels.check(call.body["labels"])
        return 200, {"zone": _render(tables, zone)}


@routes.on("DELETE", "/zones/<wanted>")
def delete_zone(call: Call, wanted: str) -> Answer:
    """Give a zone up, with all its records."""
    with call.change() as tables:
        zone = of(tables, wanted)
        if zone.delete_protected:
            raise protected("zone")
        action = actions.instantly(tables, "delete_zone", ("zone", zone.id))
        for row in sets(tables, zone):
            del tables.rrsets[row.id]
        del tables.zones[zone.id]
        return actions.answer(action)


@routes.on("POST", "/zones/<wanted>/actions/change_ttl")
def change_ttl(call: Call, wanted: str) -> Answer:
    """Change how long records without a time of their own live."""
    with call.change() as tables:
        zone = of(tables, wanted)
        zone.ttl = check_ttl(call.need("ttl")[0])
        zone.serial += 1
        return actions.answer(actions.instantly(tables, "change_ttl", ("zone", zone.id)))


@routes.on("POST", "/zones/<wanted>/actions/change_protection")
def protect_zone(call: Call, wanted: str) -> Answer:
    """Allow or forbid the deletion of a zone."""
    return change_protection(call, "zone", lambda tables: of(tables, wanted))
