"""A document for a Postgres, and machines that only answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from release.host.agent.machine import Done
from release.host.postgres.document import Document
from release.host.postgres.place import Facts, Place
from tests.release.host.bench import Recorded

MIB = 1 << 20
RAW: dict[str, Any] = {
    "site": "gallery",
    "address": "10.0.1.10",
    "device": "/dev/disk/by-id/scsi-0HC_Volume_7",
    "database": "gallery",
    "user": {"role": "gallery", "password": "the-sites-password"},
    "admin": {"role": "gallery_admin", "password": "the-admins-password"},
    "authority": "ca\n",
    "certificate": "certificate\n",
    "private_key": "private key\n",
    "extensions": [],
    "backup": {
        "bucket": "backups-1",
        "endpoint": "https://fsn1.example.com",
        "region": "fsn1",
        "access_key": "ACCESS",
        "secret_key": "the-buckets-secret",
        "cipher": "the-repositorys-cipher",
    },
}
DEVICE = RAW["device"]


def document(**changes: Any) -> Document:
    return Document.parse({**RAW, **changes})


def machine(place: Place, **answers: Done | Callable[[Sequence[str]], Done]) -> Recorded:
    return Recorded(place.root, {start.replace("_", " "): answer for start, answer in answers.items()})


def facts() -> Facts:
    """What the tools on such a machine know."""
    return Facts(site="gallery", database="gallery", data="/srv/postgres/17/main", address="10.0.1.10")
