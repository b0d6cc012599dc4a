"""Tags: they join droplets to firewalls and to trusted sources."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_built, not_found, unprocessable
from rehearsal.cloud.rows import Database, Droplet, Firewall, Json, Tag
from rehearsal.cloud.store import State

routes = Routes()
NAME = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")


def ensure(state: State, names: Iterable[str]) -> list[str]:
    """Make tags that are not there yet; give their names, each once."""
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if not NAME.fullmatch(name):
            raise unprocessable("Name is invalid, only letters, digits, colons, dashes and underscores are allowed")
        state.tags.setdefault(name, Tag(name=name))
    return wanted


def _render(state: State, tag: Tag) -> Json:
    droplets = [d.id for d in state.droplets.values() if tag.name in d.tags]
    clusters = [c.id for c in state.databases.values() if tag.name in c.tags]
    groups = {
        "droplets": _group("droplets", droplets),
        "images": _group("images", []),
        "volumes": _group("volumes", []),
        "volume_snapshots": _group("snapshots", []),
        "databases": _group("databases", clusters),
    }
    last = next((g["last_tagged_uri"] for g in groups.values() if g["count"]), "")
    return {"name": tag.name, "resources": {"count": len(droplets) + len(clusters), "last_tagged_uri": last, **groups}}


def _group(kind: str, ids: list[int] | list[str]) -> Json:
    return {"count": len(ids), "last_tagged_uri": f"https://api.digitalocean.com/v2/{kind}/{ids[-1]}" if ids else ""}


def _find(state: State, name: str) -> Tag:
    if name not in state.tags:
        raise not_found()
    return state.tags[name]


@routes.on("GET", "/tags")
def list_tags(call: Call) -> Answer:
    """List tags."""
    with call.read() as state:
        return call.page("tags", (_render(state, tag) for tag in state.tags.values()))


@routes.on("POST", "/tags")
def create_tag(call: Call) -> Answer:
    """Make a tag."""
    (name,) = call.need("name")
    with call.change() as state:
        ensure(state, [name])
        return 201, {"tag": _render(state, state.tags[name])}


@routes.on("GET", "/tags/<name>")
def read_tag(call: Call, name: str) -> Answer:
    """Show a tag."""
    with call.read() as state:
        return 200, {"tag": _render(state, _find(state, name))}


@routes.on("DELETE", "/tags/<name>")
def delete_tag(call: Call, name: str) -> Answer:
    """Delete a tag and take it off everything."""
    with call.change() as state:
        del state.tags[_find(state, name).name]
        bearers: list[Droplet | Database | Firewall] = [*state.droplets.values(), *state.databases.values()]
        for row in [*bearers, *state.firewalls.values()]:
            row.tags = [tag for tag in row.tags if tag != name]
    call.cloud.apply_rules()
    return DONE


@routes.on("POST", "/tags/<name>/resources")
def tag_resources(call: Call, name: str) -> Answer:
    """Put a tag on resources."""
    with call.change() as state:
        _find(state, name)
        for row in _resources(state, call.body):
            row.tags = list(dict.fromkeys([*row.tags, name]))
    call.cloud.apply_rules()
    return DONE


@routes.on("DELETE", "/tags/<name>/resources")
def untag_resources(call: Call, name: str) -> Answer:
    """Take a tag off resources."""
    with call.change() as state:
        _find(state, name)
        for row in _resources(state, call.body):
            row.tags = [tag for tag in row.tags if tag != name]
    call.cloud.apply_rules()
    return DONE


def _resources(state: State, body: Json) -> list[Droplet | Database]:
    return [_resource(state, str(r.get("resource_type")), str(r.get("resource_id"))) for r in body.get("resources", [])]


def _resource(state: State, kind: str, id: str) -> Droplet | Database:
    if kind not in ("droplet", "database"):
        raise not_built(f"tags on a resource of type {kind}")
    found = state.databases.get(id) if kind == "database" else state.droplets.get(int(id) if id.isdigit() else 0)
    if found is None:
        raise not_found()
    return found
