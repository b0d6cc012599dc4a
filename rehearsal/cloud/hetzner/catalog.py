"""What can be ordered: locations, server types, images. Data as the real cloud shows it, cut to what a site needs.

Prices are of autumn 2026 without warranty and matter to nobody here; which type is sold where does.
"""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.rows import Json

EU, US_EAST, US_WEST, SINGAPORE = "eu-central", "us-east", "us-west", "ap-southeast"


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where things are."""

    id: int
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    network_zone: str

    def render(self) -> Json:
        """Give the API's object."""
        return {**vars(self), "description": f"{self.city} {'DC Park 1' if self.network_zone == EU else ''}".strip()}


_PLACES = (
    ("fsn1", "Falkenstein", "DE", 50.47612, 12.370071, EU),
    ("nbg1", "Nuremberg", "DE", 49.452102, 11.076665, EU),
    ("hel1", "Helsinki", "FI", 60.169855, 24.938379, EU),
    ("ash", "Ashburn, VA", "US", 39.045821, -77.487073, US_EAST),
    ("hil", "Hillsboro, OR", "US", 45.54222, -122.951924, US_WEST),
    ("sin", "Singapore", "SG", 1.283333, 103.833333, SINGAPORE),
)
LOCATIONS = {
    name: Location(
        id=id, name=name, city=city, country=country, latitude=latitude, longitude=longitude, network_zone=zone
    )
    for id, (name, city, country, latitude, longitude, zone) in enumerate(_PLACES, start=1)
}
NETWORK_ZONES = tuple(dict.fromkeys(place.network_zone for place in LOCATIONS.values()))
IN_EU = ("fsn1", "nbg1", "hel1")
OVERSEAS = ("ash", "hil", "sin")


@dataclass(frozen=True, kw_only=True)
class ServerType:
    """A size of server."""

    id: int
    name: str
    cores: int
    memory: int  # GB
    disk: int  # GB
    monthly: float
    sold_in: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """Which programs it runs."""
        return "arm" if self.name.startswith("cax") else "x86"

    def render(self) -> Json:
        """Give the API's object."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.name.upper(),
            "category": _CATEGORIES[self.name.rstrip("0123456789")],
            "cores": self.cores,
            "memory": float(self.memory),
            "disk": self.disk,
            "storage_type": "local",
            "cpu_type": "dedicated" if self.name.startswith("ccx") else "shared",
            "architecture": self.architecture,
            "deprecated": False,
            "deprecation": None,
            "prices": [self._price(name) for name in self.sold_in],
            "locations": [
                {"id": LOCATIONS[name].id, "name": name, "deprecation": None, "available": True, "recommended": True}
                for name in self.sold_in
            ],
        }

    def _price(self, location: str) -> Json:
        return {
            "location": location,
            "price_hourly": _money(self.monthly / 624),
            "price_monthly": _money(self.monthly),
            "included_traffic": (20 if location in IN_EU else 1) * 1024**4,
            "price_per_tb_traffic": _money(1.0),
        }


def _money(amount: float) -> Json:
    return {"net": f"{amount:.4f}", "gross": f"{amount * 1.19:.4f}"}


_CATEGORIES = {
    "cx": "Shared vCPU (cost-optimized)",
    "cax": "Shared vCPU (cost-optimized)",
    "cpx": "Shared vCPU (regular performance)",
    "ccx": "Dedicated vCPU (general purpose)",
}
# name: id, cores, memory, disk, monthly price
_IN_EU_ONLY = {
    "cx23": (114, 2, 4, 40, 2.99),
    "cx33": (115, 4, 8, 80, 4.99),
    "cx43": (116, 8, 16, 160, 8.99),
    "cx53": (117, 16, 32, 320, 16.99),
    "cpx12": (118, 1, 2, 40, 5.49),
    "cpx22": (109, 2, 4, 80, 5.99),
    "cpx32": (110, 4, 8, 160, 10.49),
    "cpx42": (111, 8, 16, 320, 19.49),
    "cpx52": (112, 12, 24, 480, 27.99),
    "cpx62": (113, 16, 32, 640, 37.99),
    "cax11": (45, 2, 4, 40, 3.29),
    "cax21": (93, 4, 8, 80, 5.99),
    "cax31": (94, 8, 16, 160, 11.99),
    "cax41": (95, 16, 32, 320, 23.99),
}
_OVERSEAS_ONLY = {
    "cpx11": (22, 2, 2, 40, 4.99),
    "cpx21": (23, 3, 4, 80, 9.49),
    "cpx31": (24, 4, 8, 160, 16.49),
    "cpx41": (25, 8, 16, 240, 30.49),
    "cpx51": (26, 16, 32, 360, 60.49),
}
_EVERYWHERE = {
    "ccx13": (96, 2, 8, 80, 11.99),
    "ccx23": (97, 4, 16, 160, 23.99),
    "ccx33": (98, 8, 32, 240, 47.99),
}
SERVER_TYPES = {
    name: ServerType(id=id, name=name, cores=cores, memory=memory, disk=disk, monthly=monthly, sold_in=sold_in)
    for group, sold_in in (
        (_IN_EU_ONLY, IN_EU),
        (_OVERSEAS_ONLY, OVERSEAS),
        (_EVERYWHERE, (*IN_EU, *OVERSEAS)),
    )
    for name, (id, cores, memory, disk, monthly) in group.items()
}


@dataclass(frozen=True, kw_only=True)
class Image:
    """A system image."""

    id: int
    name: str
    os_flavor: str
    os_version: str
    architecture: str

    def render(self) -> Json:
        """Give the API's object."""
        return {
            "id": self.id,
            "type": "system",
            "status": "available",
            "name": self.name,
            "description": f"{self.os_flavor.title()} {self.os_version}",
            "image_size": None,
            "disk_size": 5,
            "created": "2025-08-12T00:00:00Z",
            "created_from": None,
            "bound_to": None,
            "os_flavor": self.os_flavor,
            "os_version": self.os_version,
            "rapid_deploy": True,
            "protection": {"delete": False},
            "deprecated": None,
            "deleted": None,
            "labels": {},
            "architecture": self.architecture,
        }


# The one image the rehearsal has a root for; the others can be listed, not booted.
BOOTABLE = "debian-13"
IMAGES = {
    image.id: image
    for image in (
        Image(id=310557660, name=BOOTABLE, os_flavor="debian", os_version="13", architecture="x86"),
        Image(id=310557661, name=BOOTABLE, os_flavor="debian", os_version="13", architecture="arm"),
        Image(id=114690387, name="debian-12", os_flavor="debian", os_version="12", architecture="x86"),
        Image(id=161547269, name="ubuntu-24.04", os_flavor="ubuntu", os_version="24.04", architecture="x86"),
    )
}
DATACENTERS = {"fsn1": (4, "fsn1-dc14"), "nbg1": (2, "nbg1-dc3"), "hel1": (3, "hel1-dc2")}


def location(wanted: object, *, field: str = "location") -> Location:
    """Find a location by name or id."""
    found = next((place for place in LOCATIONS.values() if wanted in (place.name, place.id, str(place.id))), None)
    if found is None:
        raise invalid(field, f"location {wanted} not found")
    return found


def server_type(wanted: object) -> ServerType:
    """Find a server type by name or id."""
    found = next((each for each in SERVER_TYPES.values() if wanted in (each.name, each.id, str(each.id))), None)
    if found is None:
        raise invalid("server_type", f"server type {wanted} not found")
    return found


def image(wanted: object, *, architecture: str) -> Image:
    """Find an image by name and architecture, or by id."""
    by_id = next((each for each in IMAGES.values() if wanted in (each.id, str(each.id))), None)
    named = (each for each in IMAGES.values() if (each.name, each.architecture) == (wanted, architecture))
    found = by_id or next(named, None)
    if found is None:
        raise invalid("image", f"image {wanted} not found")
    return found


def render_datacenter(place: str) -> Json:
    """Give the API's object of a datacenter."""
    id, name = DATACENTERS[place]
    sold = [each.id for each in SERVER_TYPES.values() if place in each.sold_in]
    about = {"id": id, "name": name, "description": f"{LOCATIONS[place].city} {name.rpartition('-')[2]}"}
    types = {"supported": sold, "available": sold, "available_for_migration": sold}
    return {**about, "location": LOCATIONS[place].render(), "server_types": types}
