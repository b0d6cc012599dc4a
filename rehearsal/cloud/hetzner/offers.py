"""The catalog's calls: locations, server types, images, datacenters."""

from __future__ import annotations

from collections.abc import Iterable

from rehearsal.cloud.hetzner import catalog, paging
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import not_found
from rehearsal.cloud.rows import Json

routes = Routes()


def _list(call: Call, name: str, items: Iterable[Json]) -> Answer:
    wanted = call.query.get("name")
    return paging.page(call, name, (item for item in items if wanted in (None, item["name"])))


def _one(name: str, id: int, items: Iterable[Json]) -> Answer:
    found = next((item for item in items if item["id"] == id), None)
    if found is None:
        raise not_found(name, id)
    return 200, {name: found}


@routes.on("GET", "/locations")
def list_locations(call: Call) -> Answer:
    """List locations."""
    return _list(call, "locations", (place.render() for place in catalog.LOCATIONS.values()))


@routes.on("GET", "/locations/<int:id>")
def read_location(call: Call, id: int) -> Answer:
    """Show a location."""
    return _one("location", id, (place.render() for place in catalog.LOCATIONS.values()))


@routes.on("GET", "/server_types")
def list_server_types(call: Call) -> Answer:
    """List server types."""
    return _list(call, "server_types", (each.render() for each in catalog.SERVER_TYPES.values()))


@routes.on("GET", "/server_types/<int:id>")
def read_server_type(call: Call, id: int) -> Answer:
    """Show a server type."""
    return _one("server_type", id, (each.render() for each in catalog.SERVER_TYPES.values()))


@routes.on("GET", "/images")
def list_images(call: Call) -> Answer:
    """List images; the project has none of its own."""
    found = [each.render() for each in catalog.IMAGES.values()]
    for field in ("architecture", "type", "status"):
        if wanted := call.query.getlist(field):
            found = [image for image in found if image[field] in wanted]
    mine = call.query.get("bound_to") or call.query.get("label_selector")
    return _list(call, "images", () if mine else found)


@routes.on("GET", "/images/<int:id>")
def read_image(call: Call, id: int) -> Answer:
    """Show an image."""
    return _one("image", id, (each.render() for each in catalog.IMAGES.values()))


@routes.on("GET", "/datacenters")
def list_datacenters(call: Call) -> Answer:
    """List datacenters, and the one to take when none is asked for."""
    status, body = _list(call, "datacenters", map(catalog.render_datacenter, catalog.DATACENTERS))
    return status, {**(body or {}), "recommendation": catalog.DATACENTERS["fsn1"][0]}


@routes.on("GET", "/datacenters/<int:id>")
def read_datacenter(call: Call, id: int) -> Answer:
    """Show a datacenter."""
    return _one("datacenter", id, map(catalog.render_datacenter, catalog.DATACENTERS))
