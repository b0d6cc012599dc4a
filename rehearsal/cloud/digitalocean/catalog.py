"""What can be ordered: regions, sizes, images. Data as the real account shows it, cut to what a site needs."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.cloud.rows import Json

REGIONS = {
    "ams3": "Amsterdam 3",
    "blr1": "Bangalore 1",
    "fra1": "Frankfurt 1",
    "lon1": "London 1",
    "nyc1": "New York 1",
    "nyc2": "New York 2",
    "nyc3": "New York 3",
    "sfo2": "San Francisco 2",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "syd1": "Sydney 1",
    "tor1": "Toronto 1",
}
SPACES_REGIONS = ("ams3", "blr1", "fra1", "lon1", "nyc3", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
REGION_FEATURES = ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"]


@dataclass(frozen=True, kw_only=True)
class Size:
    """A droplet's size."""

    slug: str
    memory: int
    vcpus: int
    disk: int
    transfer: float
    monthly: float
    description: str = "Basic"

    def render(self) -> Json:
        """Give the API's object."""
        return {
            "slug": self.slug,
            "memory": self.memory,
            "vcpus": self.vcpus,
            "disk": self.disk,
            "transfer": self.transfer,
            "price_monthly": self.monthly,
            "price_hourly": round(self.monthly / 672, 5),
            "regions": list(REGIONS),
            "available": True,
            "description": self.description,
            "networking_throughput": 2000,
            "disk_info": [{"type": "local", "size": {"amount": self.disk, "unit": "gib"}}],
        }


@dataclass(frozen=True, kw_only=True)
class Image:
    """A base image."""

    id: int
    slug: str
    name: str
    distribution: str
    description: str

    def render(self) -> Json:
        """Give the API's object."""
        return {
            "id": self.id,
            "name": self.name,
            "type": "base",
            "distribution": self.distribution,
            "slug": self.slug,
            "public": True,
            "regions": list(REGIONS),
            "created_at": "2025-08-13T00:00:00Z",
            "min_disk_size": 7,
            "size_gigabytes": 0.58,
            "description": self.description,
            "tags": [],
            "status": "available",
            "error_message": "",
        }


SIZES = {
    size.slug: size
    for size in (
        Size(slug="s-1vcpu-512mb-10gb", memory=512, vcpus=1, disk=10, transfer=0.5, monthly=4.0),
        Size(slug="s-1vcpu-1gb", memory=1024, vcpus=1, disk=25, transfer=1.0, monthly=6.0),
        Size(
            slug="s-1vcpu-1gb-amd", memory=1024, vcpus=1, disk=25, transfer=1.0, monthly=7.0, description="Premium AMD"
        ),
        Size(slug="s-1vcpu-2gb", memory=2048, vcpus=1, disk=50, transfer=2.0, monthly=12.0),
        Size(slug="s-2vcpu-2gb", memory=2048, vcpus=2, disk=60, transfer=3.0, monthly=18.0),
        Size(slug="s-2vcpu-4gb", memory=4096, vcpus=2, disk=80, transfer=4.0, monthly=24.0),
        Size(slug="s-4vcpu-8gb", memory=8192, vcpus=4, disk=160, transfer=5.0, monthly=48.0),
        Size(slug="s-8vcpu-16gb", memory=16384, vcpus=8, disk=320, transfer=6.0, monthly=96.0),
        Size(slug="c-2", memory=4096, vcpus=2, disk=25, transfer=4.0, monthly=42.0, description="CPU-Optimized"),
        Size(
            slug="g-2vcpu-8gb", memory=8192, vcpus=2, disk=25, transfer=4.0, monthly=63.0, description="General Purpose"
        ),
    )
}
# The one image the rehearsal has a root for; the others can be listed, not booted.
BOOTABLE = "debian-13-x64"
IMAGES = {
    image.id: image
    for image in (
        Image(id=195932981, slug=BOOTABLE, name="13 x64", distribution="Debian", description="Debian 13 x64"),
        Image(id=133487642, slug="debian-12-x64", name="12 x64", distribution="Debian", description="Debian 12 x64"),
        Image(
            id=155133621,
            slug="ubuntu-24-04-x64",
            name="24.04 (LTS) x64",
            distribution="Ubuntu",
            description="Ubuntu 24.04 (LTS) x64",
        ),
    )
}
DATABASE_SIZES = {  # slug -> (memory in GB, storage in MiB)
    "db-s-1vcpu-1gb": (1, 10240),
    "db-s-1vcpu-2gb": (2, 30720),
    "db-s-2vcpu-4gb": (4, 61440),
    "db-s-4vcpu-8gb": (8, 143360),
    "db-s-6vcpu-16gb": (16, 286720),
}
DATABASE_VERSIONS = {  # version -> (end of availability, end of life)
    "14": ("2026-05-12T00:00:00Z", "2026-11-12T00:00:00Z"),
    "15": ("2027-05-11T00:00:00Z", "2027-11-11T00:00:00Z"),
    "16": ("2028-05-09T00:00:00Z", "2028-11-09T00:00:00Z"),
    "17": ("2029-05-08T00:00:00Z", "2029-11-08T00:00:00Z"),
}


def find_image(wanted: str | int) -> Image | None:
    """Find an image by slug or id."""
    return next((image for image in IMAGES.values() if wanted in (image.slug, image.id, str(image.id))), None)


def render_region(slug: str) -> Json:
    """Give the API's object of a region."""
    return {
        "name": REGIONS[slug],
        "slug": slug,
        "features": REGION_FEATURES,
        "available": True,
        "sizes": list(SIZES),
    }


def database_ends(version: str) -> Json:
    """Say until when a version can be ordered, and how long it is cared for."""
    available, life = DATABASE_VERSIONS[version]
    return {"end_of_availability": available, "end_of_life": life}


def database_connections(size: str) -> int:
    """Say how many connections a plan gives: 25 per GB, three kept by the vendor."""
    return 25 * DATABASE_SIZES[size][0] - 3
