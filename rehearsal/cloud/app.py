"""The APIs as one WSGI application over one cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rehearsal.cloud.admin import Admin
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.api import Api, seed
from rehearsal.cloud.ports import Hypervisor
from rehearsal.cloud.rows import Json
from rehearsal.cloud.web import Traffic, Web


def open_cloud(*, directory: Path, hypervisor: Hypervisor) -> Cloud:
    """Open the cloud kept in a directory; a new one gets what every account has."""
    directory.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(directory=directory, hypervisor=hypervisor)
    seed(cloud)
    return cloud


def application(cloud: Cloud, *, objects: Callable[[str], list[Json]], traffic: Traffic) -> Web:
    """Put DigitalOcean's API and the admin pages behind one door."""
    return Web(
        answers={"/v2/": Api(cloud), "/_cloud": Admin(cloud, objects=objects)},
        traffic=traffic,
        count=cloud.count,
    )
