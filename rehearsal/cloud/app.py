"""The APIs as one WSGI application over one cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.admin import Admin
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean import api as digitalocean
from rehearsal.cloud.digitalocean import errors as digitalocean_errors
from rehearsal.cloud.digitalocean import rate as digitalocean_rate
from rehearsal.cloud.faults import HungUp
from rehearsal.cloud.hetzner import api as hetzner
from rehearsal.cloud.hetzner import errors as hetzner_errors
from rehearsal.cloud.hetzner import rate as hetzner_rate
from rehearsal.cloud.ports import Hypervisor
from rehearsal.cloud.rows import Json
from rehearsal.cloud.web import Answer, Middleware, Traffic, Web


def open_cloud(*, directory: Path, hypervisor: Hypervisor) -> Cloud:
    """Open the cloud kept in a directory; a new one gets what every account has."""
    directory.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(directory=directory, hypervisor=hypervisor)
    digitalocean.seed(cloud)
    return cloud


def application(cloud: Cloud, *, objects: Callable[[str], list[Json]], traffic: Traffic) -> Web:
    """Put the APIs and the admin pages behind one door."""
    return Web(
        answers={
            "/v1/": hetzner.Api(cloud),
            "/v2/": digitalocean.Api(cloud),
            "/_cloud": Admin(cloud, objects=objects),
        },
        traffic=traffic,
        count=cloud.count,
        around=failing(cloud),
    )


def failing(cloud: Cloud) -> Middleware:
    """Let the rules for the APIs strike, in the words of the one that was called; its rate limit is told always."""
    of_hetzner = hetzner_errors.refusal, hetzner_rate.Rate()
    of_digitalocean = digitalocean_errors.refusal, digitalocean_rate.Rate()

    def around(request: Request, request_id: str, answer: Answer) -> Response:
        refusal, rate = of_hetzner if request.path.startswith("/v1/") else of_digitalocean
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
