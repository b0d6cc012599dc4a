"""Sets of records: all records of one name and type in a zone."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.cloud.hetzner import actions, labels, paging, records
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import ApiError, invalid, not_found, not_unique
from rehearsal.cloud.hetzner.rows import RrSet, Tables, Zone
from rehearsal.cloud.hetzner.zones import add, check_ttl, of, sets
from rehearsal.cloud.rows import Json

routes = Routes()
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"@|(\*|{_LABEL})(\.{_LABEL})*")
ONE = "/zones/<wanted>/rrsets/<name>/<type>"


def _find(tables: Tables, zone: Zone, name: str, type: str) -> RrSet:
    found = _peek(tables, zone, name, type)
    if found is None:
        raise not_found("rrset", f"{name}/{type}")
    return found


def _peek(tables: Tables, zone: Zone, name: str, type: str) -> RrSet | None:
    return tables.rrsets.get(f"{zone.id}/{name}/{type}")


def _changeable(tables: Tables, zone: Zone, name: str, type: str) -> RrSet:
    row = _find(tables, zone, name, type)
    if row.change_protected:
        raise ApiError("protected", "rrset is change protected")
    if type == "SOA":
        raise invalid("type", "the SOA record cannot be changed")
    return row


def _render(row: RrSet) -> Json:
    about = {k: v for k, v in vars(row).items() if k != "change_protected"}
    return {**about, "id": f"{row.name}/{row.type}", "protection": {"change": row.change_protected}}


@routes.on("GET", "/zones/<wanted>/rrsets")
def list_rrsets(call: Call, wanted: str) -> Answer:
    """List a zone's sets, by name and types when asked."""
    types = call.query.getlist("type")
    with call.read() as tables:
        found = [row for row in sets(tables, of(tables, wanted)) if not types or row.type in types]
        return paging.listing(call, "rrsets", found, _render)


@routes.on("POST", "/zones/<wanted>/rrsets")
def create_rrset(call: Call, wanted: str) -> Answer:
    """Make a set; one of the name and type must not be there."""
    name, type, rows = call.need("name", "type", "records")
    with call.change() as tables:
        zone = of(tables, wanted)
        row = _draft(zone, name, type, rows, call.body)
        if _peek(tables, zone, row.name, row.type):
            raise not_unique("rrset", "name and type")
        _beside(tables, zone, row)
        add(tables, zone, row)
        action = actions.instantly(tables, "create_rrset", ("zone", zone.id))
        return 201, {"rrset": _render(row), "action": actions.render(action)}


def _draft(zone: Zone, name: Any, type: Any, rows: Any, body: Json) -> RrSet:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid("name", f"'{name}' is not a valid name; names are relative to the zone, @ is the zone itself")
    if records.check_type(type) == "SOA":
        raise invalid("type", "a zone has one SOA record")
    ttl = None if body.get("ttl") is None else check_ttl(body["ttl"])
    given = labels.check(body.get("labels"))
    return RrSet(id="", zone=zone.id, name=name, type=type, ttl=ttl, labels=given, records=records.check(type, rows))


def _beside(tables: Tables, zone: Zone, row: RrSet) -> None:
    types = {other.type for other in sets(tables, zone) if other.name == row.name}
    if types and "CNAME" in (row.type, *types):
        raise invalid("type", f"a CNAME cannot stand beside other records (got {', '.join(sorted(types))})")


@routes.on("GET", ONE)
def read_rrset(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Show a set."""
    with call.read() as tables:
        return 200, {"rrset": _render(_find(tables, of(tables, wanted), name, type))}


@routes.on("PUT", ONE)
def change_rrset(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Label a set."""
    with call.change() as tables:
        row = _find(tables, of(tables, wanted), name, type)
        if call.body.get("labels") is not None:
            row.labels = labels.check(call.body["labels"])
        return 200, {"rrset": _render(row)}


@routes.on("DELETE", ONE)
def delete_rrset(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Delete a set."""
    with call.change() as tables:
        zone = of(tables, wanted)
        del tables.rrsets[_changeable(tables, zone, name, type).id]
        return _done(tables, zone, "delete_rrset")


def _done(tables: Tables, zone: Zone, command: str) -> Answer:
    zone.serial += 1
    return actions.answer(actions.instantly(tables, command, ("zone", zone.id)))


@routes.on("POST", f"{ONE}/actions/change_ttl")
def change_ttl(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Change how long the records live; without a time of their own, as long as the zone says."""
    with call.change() as tables:
        zone = of(tables, wanted)
        row = _changeable(tables, zone, name, type)
        row.ttl = None if call.body.get("ttl") is None else check_ttl(call.body["ttl"])
        return _done(tables, zone, "change_rrset_ttl")


@routes.on("POST", f"{ONE}/actions/set_records")
def set_records(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Replace all records of a set."""
    with call.change() as tables:
        zone = of(tables, wanted)
        row = _changeable(tables, zone, name, type)
        row.records = records.check(type, call.need("records")[0])
        return _done(tables, zone, "set_rrset_records")


@routes.on("POST", f"{ONE}/actions/add_records")
def add_records(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Add records to a set, which is made when it is not there."""
    (rows,) = call.need("records")
    with call.change() as tables:
        zone = of(tables, wanted)
        if _peek(tables, zone, name, type) is None:
            draft = _draft(zone, name, type, rows, call.body)
            _beside(tables, zone, draft)
            add(tables, zone, draft)
            return _done(tables, zone, "add_rrset_records")
        row = _changeable(tables, zone, name, type)
        if call.body.get("ttl", row.ttl) != row.ttl:
            raise invalid("ttl", f"the rrset has another ttl: {row.ttl}")
        row.records = records.check(type, [*row.records, *records.check(type, rows)])
        return _done(tables, zone, "add_rrset_records")


@routes.on("POST", f"{ONE}/actions/remove_records")
def remove_records(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Take records out of a set, which goes with its last one."""
    gone = {row["value"] for row in records.check(type, call.need("records")[0])}
    with call.change() as tables:
        zone = of(tables, wanted)
        row = _changeable(tables, zone, name, type)
        if missing := gone - {record["value"] for record in row.records}:
            raise not_found("record", ", ".join(sorted(missing)))
        row.records = [record for record in row.records if record["value"] not in gone]
        if not row.records:
            del tables.rrsets[row.id]
        return _done(tables, zone, "remove_rrset_records")


@routes.on("POST", f"{ONE}/actions/change_protection")
def change_protection(call: Call, wanted: str, name: str, type: str) -> Answer:
    """Allow or forbid changes of a set."""
    (change,) = call.need("change")
    with call.change() as tables:
        zone = of(tables, wanted)
        _find(tables, zone, name, type).change_protected = bool(change)
        return actions.answer(actions.instantly(tables, "change_rrset_protection", ("zone", zone.id)))
