"""Functions: what a program looks up without owning it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rehearsal.plugins import names
from rehearsal.plugins.client import segment
from rehearsal.plugins.digitalocean.account import project_facts, tag_facts
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.digitalocean.dns import record_facts
from rehearsal.plugins.digitalocean.droplet import droplet_facts
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.wire import Values


def _database_ca(cloud: Cloud, asked: Values) -> Values:
    import base64

    found = cloud.get(f"/v2/databases/{segment(asked['clusterId'])}/ca")["ca"]["certificate"]
    return {"id": asked["clusterId"], "clusterId": asked["clusterId"], "certificate": base64.b64decode(found).decode()}


def _domain(cloud: Cloud, asked: Values) -> Values:
    found = _found(cloud, f"/v2/domains/{segment(asked['name'])}", f"domain not found: {asked['name']}")["domain"]
    name = found["name"]
    told = {"ttl": found.get("ttl") or 0, "zoneFile": found.get("zone_file") or ""}
    return {"id": name, "name": name, "domainUrn": f"do:domain:{name}", **told}


def _record(cloud: Cloud, asked: Values) -> Values:
    rows = [row for row in _record_rows(cloud, asked["domain"]) if row["name"] == asked["name"]]
    if len(rows) != 1:
        raise Refused(f"record {asked['name']} of {asked['domain']}: should be exactly one (got {len(rows)})")
    return _record_told(asked["domain"], rows[0], id=str(rows[0]["id"]), data=rows[0]["data"])


def _records(cloud: Cloud, asked: Values) -> Values:
    domain = asked["domain"]
    rows = [_record_told(domain, row, id=row["id"], value=row["data"]) for row in _record_rows(cloud, domain)]
    return _selected("records", rows, asked) | {"domain": domain}


def _record_rows(cloud: Cloud, domain: str) -> list[Values]:
    return cloud.list(f"/v2/domains/{segment(domain)}/records", "domain_records")


def _record_told(domain: str, row: Values, **own: Any) -> Values:
    told = {name: value for name, value in record_facts(domain, row).items() if name not in ("value", "fqdn")}
    numbers = {name: told[name] or 0 for name in ("flags", "port", "priority", "weight")}
    return {**told, **numbers, "tag": told["tag"] or "", **own}


def _reserved_ip(cloud: Cloud, asked: Values) -> Values:
    address = asked["ipAddress"]
    found = _found(cloud, f"/v2/reserved_ips/{segment(address)}", f"reserved ip not found: {address}")["reserved_ip"]
    holder = found.get("droplet") or {}
    told = {"region": found["region"]["slug"], "dropletId": holder.get("id") or 0}
    return {"id": address, "ipAddress": address, "urn": f"do:reservedip:{address}", **told}


def _droplets(cloud: Cloud, asked: Values) -> Values:
    gpus = {"type": "gpus"} if asked.get("gpus") else {}
    rows = [_droplet_told(row) for row in cloud.list("/v2/droplets", "droplets", **gpus)]
    return _selected("droplets", rows, asked) | ({"gpus": asked["gpus"]} if "gpus" in asked else {})


def _droplet_told(row: Values) -> Values:
    facts, image = droplet_facts(row), row.get("image") or {}
    told = {name: value for name, value in facts.items() if name not in ("dropletUrn", "publicNetworking")}
    own = {"id": row["id"], "urn": facts["dropletUrn"], "image": image.get("slug") or str(image.get("id") or "")}
    return {**told, **own, "ipv6AddressPrivate": "", "tags": facts["tags"] or []}


def _tag(cloud: Cloud, asked: Values) -> Values:
    facts = tag_facts(cloud, asked["name"])
    if not facts:
        raise Refused(f"tag not found: {asked['name']}")
    return {"id": asked["name"], **facts}


def _project(cloud: Cloud, asked: Values) -> Values:
    if asked.get("id"):
        project = cloud.get(f"/v2/projects/{segment(asked['id'])}")["project"]
    elif asked.get("name"):
        rows = [row for row in cloud.list("/v2/projects", "projects") if row["name"] == asked["name"]]
        if len(rows) != 1:
            raise Refused(f"project {asked['name']}: should be exactly one (got {len(rows)})")
        project = rows[0]
    else:
        project = cloud.get("/v2/projects/default")["project"]
    facts = project_facts(cloud, project)
    return {**facts, "id": project["id"], **{name: facts[name] or "" for name in ("description", "environment")}}


def _image(cloud: Cloud, asked: Values) -> Values:
    wanted = asked.get("slug") or asked.get("id")
    if not wanted:
        raise Refused("getImage: slug or id: one is required, this stand-in does not search by name")
    image = _found(cloud, f"/v2/images/{segment(wanted)}", f"image not found: {wanted}")["image"]
    return {
        "id": image["id"],
        "image": str(image["id"]),
        "name": image["name"],
        "slug": image.get("slug") or "",
        "type": image["type"],
        "distribution": image["distribution"],
        "private": not image["public"],
        "regions": image["regions"],
        "minDiskSize": image["min_disk_size"],
        "sizeGigabytes": image["size_gigabytes"],
        "created": image["created_at"],
        "description": image.get("description") or "",
        "status": image["status"],
        "tags": image.get("tags") or [],
        "errorMessage": image.get("error_message") or "",
    }


def _region(cloud: Cloud, asked: Values) -> Values:
    rows = [row for row in cloud.list("/v2/regions", "regions") if row["slug"] == asked["slug"]]
    if not rows:
        raise Refused(f"region not found: {asked['slug']}")
    return {"id": rows[0]["slug"], **_region_told(rows[0])}


def _regions(cloud: Cloud, asked: Values) -> Values:
    return _selected("regions", [_region_told(row) for row in cloud.list("/v2/regions", "regions")], asked)


def _region_told(row: Values) -> Values:
    return {name: row[name] for name in ("slug", "name", "available", "features", "sizes")}


def _sizes(cloud: Cloud, asked: Values) -> Values:
    same = ("slug", "available", "disk", "memory", "regions", "transfer", "vcpus")
    prices = {"priceHourly": "price_hourly", "priceMonthly": "price_monthly"}
    rows = [
        {name: row[name] for name in same} | {ours: row[theirs] for ours, theirs in prices.items()}
        for row in cloud.list("/v2/sizes", "sizes")
    ]
    return _selected("sizes", rows, asked)


def _found(cloud: Cloud, path: str, missing: str) -> Values:
    found = cloud.find(path)
    if not found:
        raise Refused(missing)
    return found


def _selected(key: str, rows: list[Values], asked: Values) -> Values:
    """A list after the program's filters and sorts."""
    for wanted in asked.get("filters") or []:
        rows = [row for row in rows if _matches(row, wanted)]
    for order in reversed(asked.get("sorts") or []):
        rows = sorted(rows, key=lambda row: row[_camel(order["key"])], reverse=order.get("direction") == "desc")
    given = {name: asked[name] for name in ("filters", "sorts") if asked.get(name)}
    return {"id": names.unique(26), key: rows, **given}


def _matches(row: Values, wanted: Values) -> bool:
    held = row[_camel(wanted["key"])]
    texts = [_text(value) for value in (held if isinstance(held, list) else [held])]
    hits = (any(_match(text, value, wanted.get("matchBy")) for text in texts) for value in wanted["values"])
    return all(hits) if wanted.get("all") else any(hits)


def _match(text: str, value: str, how: str | None) -> bool:
    if how == "re":
        return re.search(value, text) is not None
    return value in text if how == "substring" else value == text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _camel(key: str) -> str:
    head, *tail = key.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _tokens(functions: Iterable[tuple[str, Callable[[Cloud, Values], Values]]]) -> Mapping[str, Any]:
    return {f"digitalocean:index/{name}:{name}": function for name, function in functions}


FUNCTIONS = _tokens(
    [
        ("getDatabaseCa", _database_ca),
        ("getDomain", _domain),
        ("getDroplets", _droplets),
        ("getImage", _image),
        ("getProject", _project),
        ("getRecord", _record),
        ("getRecords", _records),
        ("getRegion", _region),
        ("getRegions", _regions),
        ("getReservedIp", _reserved_ip),
        ("getSizes", _sizes),
        ("getTag", _tag),
    ]
)
