"""Domains and their records, as the DNS server answers them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_found, unprocessable
from rehearsal.cloud.rows import Domain, Json, Record
from rehearsal.cloud.store import State

routes = Routes()
NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")
LABEL = re.compile(r"@|(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")
DOTTED = ("CNAME", "MX", "NS", "SRV", "CAA")
NAMESERVERS = ("ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com")
NEEDED = {"MX": ("priority",), "SRV": ("priority", "weight", "port"), "CAA": ("flags", "tag")}
NUMBERS = ("ttl", "priority", "port", "weight", "flags")


def _find(state: State, name: str) -> Domain:
    if name.lower() not in state.domains:
        raise not_found()
    return state.domains[name.lower()]


def records(state: State, domain: str) -> list[Record]:
    """Give a zone's records."""
    return [record for record in state.records.values() if record.domain == domain]


def _render(state: State, domain: Domain) -> Json:
    lines = [_line(domain, record) for record in records(state, domain.name)]
    zone_file = "\n".join([f"$ORIGIN {domain.name}.", f"$TTL {domain.ttl}", *lines, ""])
    return {"name": domain.name, "ttl": domain.ttl, "zone_file": zone_file}


def _line(domain: Domain, record: Record) -> str:
    owner = f"{domain.name}." if record.name == "@" else f"{record.name}.{domain.name}."
    if record.type == "SOA":
        return f"{owner} IN SOA {NAMESERVERS[0]}. hostmaster.{domain.name}. {domain.serial} 10800 3600 604800 1800"
    numbers = [str(n) for n in (record.priority, record.weight, record.port, record.flags) if n is not None]
    data = f"{record.data}." if record.type in DOTTED and record.data != "@" else record.data
    return " ".join([owner, str(record.ttl), "IN", record.type, *numbers, data])


def _render_record(record: Record) -> Json:
    return {k: v for k, v in vars(record).items() if k != "domain"}


@routes.on("GET", "/domains")
def list_domains(call: Call) -> Answer:
    """List domains."""
    with call.read() as state:
        return call.page("domains", (_render(state, domain) for domain in state.domains.values()))


@routes.on("POST", "/domains")
def create_domain(call: Call) -> Answer:
    """Take a domain in, with its SOA and NS records and, when asked, an address."""
    name = str(call.need("name")[0]).lower().rstrip(".")
    if not NAME.fullmatch(name):
        raise unprocessable("Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    with call.change() as state:
        if name in state.domains:
            raise unprocessable(f"domain '{name}': name already exists")
        state.domains[name] = Domain(name=name)
        _add(state, name, {"type": "SOA", "name": "@", "data": "1800", "ttl": 1800})
        for server in NAMESERVERS:
            _add(state, name, {"type": "NS", "name": "@", "data": f"{server}."})
        if call.body.get("ip_address"):
            _add(state, name, {"type": "A", "name": "@", "data": call.body["ip_address"]})
        return 201, {"domain": {"name": name, "ttl": 1800, "zone_file": None}}


@routes.on("GET", "/domains/<name>")
def read_domain(call: Call, name: str) -> Answer:
    """Show a domain."""
    with call.read() as state:
        return 200, {"domain": _render(state, _find(state, name))}


@routes.on("DELETE", "/domains/<name>")
def delete_domain(call: Call, name: str) -> Answer:
    """Give a domain up, with all its records."""
    with call.change() as state:
        domain = _find(state, name)
        for record in records(state, domain.name):
            del state.records[record.id]
        del state.domains[domain.name]
        state.filed.pop(f"do:domain:{domain.name}", None)
        return DONE


@routes.on("GET", "/domains/<name>/records")
def list_records(call: Call, name: str) -> Answer:
    """List a zone's records, by name (fully written) and type when asked."""
    wanted, type = call.query.get("name"), call.query.get("type")
    with call.read() as state:
        domain = _find(state, name)
        found = (
            _render_record(record)
            for record in records(state, domain.name)
            if type in (None, record.type) and wanted in (None, _full(record))
        )
        return call.page("domain_records", found)


def _full(record: Record) -> str:
    return record.domain if record.name == "@" else f"{record.name}.{record.domain}"


@routes.on("POST", "/domains/<name>/records")
def create_record(call: Call, name: str) -> Answer:
    """Add a record."""
    with call.change() as state:
        return 201, {"domain_record": _render_record(_add(state, _find(state, name).name, call.body))}


def _add(state: State, domain: str, body: Json) -> Record:
    type = str(body.get("type") or "").upper()
    if type not in TYPES:
        raise unprocessable("Type is not valid")
    draft = Record(id=0, domain=domain, type=type, name="@", data="", ttl=state.domains[domain].ttl)
    _fill(state, draft, body)
    draft.id = state.next_id("record")
    state.records[draft.id] = draft
    return draft


def _fill(state: State, record: Record, body: Json) -> None:
    changed = Record(**vars(record))
    changed.name = _relative(str(body.get("name") or changed.name), changed.domain)
    if body.get("data") is not None:
        changed.data = _data(changed.type, str(body["data"]))
    for field in (*NUMBERS, "tag"):
        if body.get(field) is not None:
            setattr(changed, field, body[field])
    _check(state, changed)
    vars(record).update(vars(changed))
    state.domains[record.domain].serial += 1


def _relative(name: str, domain: str) -> str:
    bare = name.lower().rstrip(".")
    if bare == domain:
        return "@"
    bare = bare.removesuffix(f".{domain}")
    if not LABEL.fullmatch(bare):
        raise unprocessable("Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    return bare


def _data(type: str, data: str) -> str:
    try:
        if type == "A":
            return str(IPv4Address(data))
        if type == "AAAA":
            return str(IPv6Address(data))
    except ValueError:
        raise unprocessable(f"IP address did not match IPv{4 if type == 'A' else 6} format") from None
    if type not in DOTTED or data == "@":
        return data
    if not data.endswith("."):
        raise unprocessable("Data needs to end with a dot (.)")
    return data.rstrip(".").lower()


def _check(state: State, record: Record) -> None:
    if not record.data:
        raise unprocessable("Data can't be blank")
    if record.ttl < 30:
        raise unprocessable("Ttl must be greater than or equal to 30")
    for name in NEEDED.get(record.type, ()):
        if getattr(record, name) is None:
            raise unprocessable(f"{name.capitalize()} can't be blank")
    beside = [r for r in records(state, record.domain) if r.name == record.name and r.id != record.id]
    if any(r.type == "CNAME" or record.type == "CNAME" for r in beside):
        raise unprocessable("CNAME records cannot share a name with other records")
    if any((r.type, r.data) == (record.type, record.data) for r in beside):
        raise unprocessable("The record already exists")


def _record(state: State, name: str, id: int) -> Record:
    record = state.records.get(id)
    if record is None or record.domain != _find(state, name).name:
        raise not_found()
    return record


@routes.on("GET", "/domains/<name>/records/<int:id>")
def read_record(call: Call, name: str, id: int) -> Answer:
    """Show a record."""
    with call.read() as state:
        return 200, {"domain_record": _render_record(_record(state, name, id))}


@routes.on("PUT", "/domains/<name>/records/<int:id>")
@routes.on("PATCH", "/domains/<name>/records/<int:id>")
def change_record(call: Call, name: str, id: int) -> Answer:
    """Change a record in place."""
    with call.change() as state:
        record = _record(state, name, id)
        _fill(state, record, call.body)
        return 200, {"domain_record": _render_record(record)}


@routes.on("DELETE", "/domains/<name>/records/<int:id>")
def delete_record(call: Call, name: str, id: int) -> Answer:
    """Delete a record."""
    with call.change() as state:
        record = _record(state, name, id)
        state.domains[record.domain].serial += 1
        del state.records[record.id]
        return DONE
