"""What Hetzner has of an environment, held against what the stack made there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from release.cli.clouds.api import MISSING, Json, Rows, bucket_rows, opened, record_rows, rows_of
from release.cli.clouds.cloud import Row
from release.cli.clouds.hetzner_api import Api

__all__ = ["look"]


def look(made: Json, *, stack: str) -> Sequence[Row]:
    """Every row, in a fixed order."""
    return rows_of(PARTS, Api(), made, stack=stack)


def _machines(api: Api, made: Json, again: str) -> Rows:
    chosen, labels = quote(made["selector"]), set(made["selector"].split(","))
    labelled = {str(row["id"]): row for row in api.all(f"servers?label_selector={chosen}", "servers")}
    for name, machine in _own(made).items():
        id = str(machine["id"])
        found = labelled.pop(id, None) or (api.get(f"servers/{id}") or {}).get("server")
        size = found["server_type"]["name"] if found else ""
        state = f"{size}, {found['status']}" if found else MISSING
        off = found and found["status"] != "running" and size == machine["size"]
        remedy = f"hcloud server poweron {id}" if off else again
        yield Row(f"server {name} ({id})", f"{machine['size']}, running", state, remedy)
        if found and not labels <= _labels(found):
            yield Row(f"server {name}'s labels", made["selector"], ",".join(sorted(_labels(found))) or "none", again)
    for id, row in labelled.items():
        remedy = f"hcloud server delete {id}, if nobody else put the labels {made['selector']} on it"
        yield Row(f"another server ({id})", "none", f"{row['name']}, {row['status']}", remedy)


def _labels(row: Json) -> set[str]:
    """As a selector writes them."""
    return {f"{key}={value}" for key, value in (row.get("labels") or {}).items()}


def _own(made: Json) -> dict[str, Json]:
    """The machines of an environment, the one for its data among them."""
    data = made.get("data")
    return {**made["machines"], **({data["name"]: data} if data else {})}


def _firewalls(api: Api, made: Json, again: str) -> Rows:
    """Everything that opens a port of the machines: the rules of all firewalls add up."""
    everything = api.all("firewalls", "firewalls")
    for role, wanted in made["firewalls"].items():
        machines = made["machines"] if role == "web" else {role: made["data"]}
        ids = {str(machine["id"]) for machine in machines.values()}
        yours = [row for row in everything if ids & _covered(row)]
        here = [row for row in yours if str(row["id"]) == str(wanted["id"])]
        found = "; ".join(sorted(_rule(rule) for row in here for rule in row["rules"] if rule["direction"] == "in"))
        yield Row(f"firewall {role}", wanted["inbound"], found if here else "not in front of the servers", again)
        yield from (_other(row, wanted) for row in yours if row not in here and _extra(row, wanted))


def _other(row: Json, wanted: Json) -> Row:
    remove = f"hcloud firewall delete {row['id']}"
    return Row(f"another firewall ({row['name']})", "none", "; ".join(sorted(_extra(row, wanted))), remove)


def _extra(row: Json, wanted: Json) -> set[str]:
    return {_rule(rule) for rule in row["rules"] if rule["direction"] == "in"} - set(wanted["inbound"].split("; "))


def _covered(row: Json) -> set[str]:
    """The machines a firewall stands in front of, by name or by labels."""
    applied = row.get("applied_to") or []
    every = [*applied, *(each for part in applied for each in part.get("applied_to_resources") or [])]
    return {str(each["server"]["id"]) for each in every if each.get("server")}


def _rule(rule: Json) -> str:
    """A rule as the stack's own is written."""
    what = f"{rule['protocol']} {rule['port']}" if rule.get("port") else rule["protocol"]
    sources = rule.get("source_ips") or []
    return opened(what, sources)


def _address(api: Api, made: Json, again: str) -> Rows:
    listed = [row for row in api.all("floating_ips", "floating_ips") if row["ip"] == made["address"]]
    held = f"of {_holder(listed[0], made)}" if listed else MISSING
    yield Row(f"address {made['address']}", f"of {next(iter(made['machines']))}", held, again)


def _holder(row: Json, made: Json) -> str:
    """The machine that has an address or a volume, by the stack's name where it is one of its own."""
    names = {str(machine["id"]): name for name, machine in _own(made).items()}
    holder = str(row["server"] or "")
    return names.get(holder, f"server {holder}") if holder else "nobody"


def _disk(api: Api, made: Json, again: str) -> Rows:
    """Where the database lies, which outlives its machine."""
    if not (data := made.get("data")):
        return
    found = (api.get(f"volumes/{data['disk']}") or {}).get("volume")
    state = f"at {_holder(found, made)}" if found else MISSING
    lost = f"restore its backup: {again} makes an empty one"
    yield Row(f"volume {data['name']}", f"at {data['name']}", state, again if found else lost)


def _records(api: Api, made: Json, again: str) -> Rows:
    def zone(name: str) -> Iterable[tuple[str, str, str]]:
        for row in api.all(f"zones/{quote(name)}/rrsets", "rrsets"):
            yield from ((row["name"], row["type"], record["value"]) for record in row["records"])

    return record_rows(made, again, zone=zone)


PARTS = (_machines, _firewalls, _address, _disk, bucket_rows, _records)
