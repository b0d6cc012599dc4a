"""What DigitalOcean has of an environment, held against what the stack made there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from release.cli.clouds.api import MISSING, Json, Rows, bucket_rows, opened, record_rows, rows_of
from release.cli.clouds.cloud import Row
from release.cli.clouds.digitalocean_api import Api

__all__ = ["look"]


def look(made: Json, *, stack: str) -> Sequence[Row]:
    """Every row, in a fixed order."""
    return rows_of(PARTS, Api(), made, stack=stack)


def _machines(api: Api, made: Json, again: str) -> Rows:
    tagged = {str(row["id"]): row for row in api.all(f"droplets?tag_name={quote(made['tag'])}", "droplets")}
    for name, machine in made["machines"].items():
        id = str(machine["id"])
        found = tagged.pop(id, None) or (api.get(f"droplets/{id}") or {}).get("droplet")
        state = f"{found['size_slug']}, {found['status']}" if found else MISSING
        off = found and found["status"] != "active" and found["size_slug"] == machine["size"]
        remedy = f"doctl compute droplet-action power-on {id}" if off else again
        yield Row(f"server {name} ({id})", f"{machine['size']}, active", state, remedy)
        if found and made["tag"] not in found.get("tags", []):
            yield Row(f"server {name}'s tag", made["tag"], _and(found.get("tags", [])), again)
    for id, row in tagged.items():
        remedy = f"doctl compute droplet delete {id}, if nobody else put the tag {made['tag']} on it"
        yield Row(f"another server ({id})", "none", f"{row['name']}, {row['status']}", remedy)


def _firewalls(api: Api, made: Json, again: str) -> Rows:
    """Everything that opens a port of the servers: the rules of all firewalls add up."""
    wanted, ids = made["firewall"], {str(machine["id"]) for machine in made["machines"].values()}
    yours = [row for row in api.all("firewalls", "firewalls") if _covers(row, made["tag"], ids)]
    here = [row for row in yours if row["id"] == wanted["id"]]
    found = "; ".join(sorted(_rule(rule) for row in here for rule in row["inbound_rules"]))
    yield Row("firewall", wanted["inbound"], found if here else "not in front of the servers", again)
    for row in yours:
        extra = sorted({_rule(rule) for rule in row["inbound_rules"]} - set(wanted["inbound"].split("; ")))
        if row not in here and extra:
            remove = f"doctl compute firewall delete {row['id']}"
            yield Row(f"another firewall ({row['name']})", "none", "; ".join(extra), remove)


def _covers(row: Json, tag: str, machines: set[str]) -> bool:
    return tag in (row.get("tags") or []) or bool(machines & {str(id) for id in row.get("droplet_ids") or []})


def _rule(rule: Json) -> str:
    """A rule as the stack's own is written; the API says 0 for all ports."""
    sources = rule.get("sources") or {}
    others = [f"{kind} {value}" for kind, values in sources.items() if kind != "addresses" for value in values or []]
    every = [*(sources.get("addresses") or []), *others]
    ports = {"0": " all", "all": " all", "": "", None: ""}.get(rule.get("ports"), f" {rule.get('ports')}")
    what = rule["protocol"] if rule["protocol"] == "icmp" else f"{rule['protocol']}{ports}"
    return opened(what, every)


def _address(api: Api, made: Json, again: str) -> Rows:
    found = (api.get(f"reserved_ips/{made['address']}") or {}).get("reserved_ip")
    name, machine = next(iter(made["machines"].items()))
    holder = (found or {}).get("droplet") or {}
    own = str(holder.get("id")) == str(machine["id"])
    held = name if own else f"{holder['name']} ({holder['id']})" if holder else "nobody" if found else MISSING
    yield Row(f"address {made['address']}", f"of {name}", f"of {held}" if found else MISSING, again)


def _database(api: Api, made: Json, again: str) -> Rows:
    if not (wanted := made.get("database")):
        return
    for row in api.all(f"databases?tag_name={quote(made['tag'])}", "databases"):
        if row["id"] != wanted["id"]:
            remove = f"doctl databases delete {row['id']}, if it is not yours"
            yield Row(f"another database ({row['id']})", "none", f"{row['name']}, {row['status']}", remove)
    found = (api.get(f"databases/{wanted['id']}") or {}).get("database")
    state = f"{found['size']}, {found['status']}" if found else MISSING
    lost = f"bring its backup back at DigitalOcean first: {again} makes an empty one"
    yield Row("database", f"{wanted['size']}, online", state, again if found else lost)
    if found:
        host = ((found.get("private_connection") or found.get("connection")) or {}).get("host") or MISSING
        if host != wanted["host"]:
            yield Row("database's host", wanted["host"], host, again)
        rules = (api.get(f"databases/{wanted['id']}/firewall") or {}).get("rules") or []
        trusted = _and(sorted(f"{rule['type']} {rule['value']}" for rule in rules)) if rules else "everybody"
        yield Row("database is open to", f"tag {made['tag']}", trusted, again)


def _records(api: Api, made: Json, again: str) -> Rows:
    def zone(name: str) -> Iterable[tuple[str, str, str]]:
        rows = api.all(f"domains/{quote(name)}/records", "domain_records")
        return ((row["name"], row["type"], row["data"]) for row in rows)

    return record_rows(made, again, zone=zone)


def _and(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"


PARTS = (_machines, _firewalls, _address, _database, bucket_rows, _records)
