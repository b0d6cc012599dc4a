"""Zones and their records."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins.client import segment
from rehearsal.plugins.digitalocean.rules import DOTTED
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_NUMBERS = ("priority", "port", "ttl", "weight", "flags", "tag")


def _create_domain(call: Call, asked: Values) -> tuple[str, Values]:
    body = {"name": asked["name"]} | ({"ip_address": asked["ipAddress"]} if asked.get("ipAddress") else {})
    return asked["name"], _domain_facts(call.session.post("/v2/domains", body)["domain"])


def _read_domain(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/domains/{segment(id)}")
    return (id, _domain_facts(found["domain"])) if found else None


def _delete_domain(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/domains/{segment(id)}")


def _domain_facts(domain: Values) -> Values:
    return {"name": domain["name"], "ttl": domain.get("ttl") or 0, "domainUrn": f"do:domain:{domain['name']}"}


def _create_record(call: Call, asked: Values) -> tuple[str, Values]:
    body = {"type": asked["type"], **_record_body(asked)}
    record = call.session.post(f"/v2/domains/{segment(asked['domain'])}/records", body)["domain_record"]
    if "ttl" in asked and record["ttl"] != asked["ttl"]:
        call.log.warning(call.urn, f"ttl: the cloud keeps {record['ttl']} (asked for {asked['ttl']})")
    return str(record["id"]), record_facts(asked["domain"], record)


def _read_record(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    # Imported as DOMAIN,ID: a record's number alone does not say where to look.
    domain, _, number = id.rpartition(",")
    domain = domain or state["domain"]
    found = call.session.find(f"/v2/domains/{segment(domain)}/records/{segment(number)}")
    return (number, record_facts(domain, found["domain_record"])) if found else None


def _update_record(call: Call, id: str, state: Values, asked: Values) -> Values:
    path = f"/v2/domains/{segment(asked['domain'])}/records/{segment(id)}"
    return record_facts(asked["domain"], call.session.put(path, _record_body(asked))["domain_record"])


def _delete_record(call: Call, id: str, state: Values) -> None:
    call.session.delete(f"/v2/domains/{segment(state['domain'])}/records/{segment(id)}")


def _record_body(asked: Values) -> Values:
    numbers = {name: asked[name] for name in _NUMBERS if asked.get(name) is not None}
    return {"name": asked["name"], "data": asked["value"], **numbers}


def record_facts(domain: str, record: Values) -> Values:
    """A record as the state holds it: names that other zones may own end in a dot, which the cloud leaves out."""
    data = record["data"]
    if record["type"] in DOTTED and data != "@" and record.get("tag") != "iodef":
        data = f"{data}."
    name = record["name"]
    return {
        "domain": domain,
        "type": record["type"],
        "name": name,
        "value": data,
        "ttl": record["ttl"],
        "fqdn": domain if name == "@" else f"{name}.{domain}",
        **{key: record.get(key) or ("" if key == "tag" else 0) for key in _NUMBERS if key != "ttl"},
    }


DNS: Mapping[str, Verbs] = {
    "digitalocean:index/domain:Domain": Verbs(create=_create_domain, read=_read_domain, delete=_delete_domain),
    "digitalocean:index/dnsRecord:DnsRecord": Verbs(
        create=_create_record, read=_read_record, update=_update_record, delete=_delete_record
    ),
}
