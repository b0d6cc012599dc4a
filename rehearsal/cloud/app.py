"""The APIs as one WSGI application over one cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.admin import Admin
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.api import Api, seed
from rehearsal.cloud.digitalocean.errors import refusal
from rehearsal.cloud.digitalocean.rate import Rate
from rehearsal.cloud.faults import HungUp
from rehearsal.cloud.ports import Hypervisor
from rehearsal.cloud.rows import Json
from rehearsal.cloud.web import Answer, Middleware, Traffic, Web


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
        around=failing(cloud),
    )


def failing(cloud: Cloud) -> Middleware:
    """Let the rules for this API strike; whoever answers, the rate limit is told."""
    rate = Rate()

    def around(request: Request, request_id: str, answer: Answer) -> Response:
        response = cloud.faults.around(
            ("api", request.method, request.path),
            lambda: answer(request, request_id),
            refuse=lambda fault: refusal(fault.status, fault.body, fault.headers, request_id=request_id),
            drop=HungUp,
            id=request_id,
        )
        for name, value in rate.headers(response.status_code).items():
            response.headers.setdefault(name, value)
        return response

    return around
