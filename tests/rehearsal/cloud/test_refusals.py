"""Every refusal of the API in its own shape, as DigitalOcean's own client surfaces it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

pytest.importorskip("pydo")

from rehearsal.cloud.core import Cloud
from tests.rehearsal.cloud import official
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.official import Refusal, refused
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.test_droplets import KEY, ORDER
from tests.rehearsal.cloud.tour import CLUSTER, WEB

RATE = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@pytest.fixture
def do(api: Client) -> Any:
    """The client."""
    return official.client(api.url)


def provoke(api: Client, do: Any, paper: PaperHypervisor, status: int) -> Callable[..., Any]:
    """Make a call ready that has to be refused with a status, by the API's own rules."""
    if status == 400:
        return partial(do.spaces_key.create, body={"name": "k", "grants": [{"bucket": "b", "permission": "all"}]})
    if status == 401:
        return partial(official.client(api.url, token="dop_v1_0123456789").account.get)
    if status == 403:
        default = next(vpc for vpc in do.vpcs.list(per_page=100)["vpcs"] if vpc["default"])
        return partial(do.vpcs.delete, default["id"])
    if status == 404:
        return partial(do.droplets.get, 1)
    if status == 409:
        body = {"name": "fw", "inbound_rules": [WEB]}
        do.firewalls.create(body=body)
        return partial(do.firewalls.create, body=body)
    if status == 412:
        paper.gate.clear()
        return partial(
            do.databases.add, do.databases.create_cluster(body=CLUSTER)["database"]["id"], body={"name": "a"}
        )
    if status == 422:
        do.ssh_keys.create(body={"name": "k", "public_key": KEY})
        return partial(do.ssh_keys.create, body={"name": "again", "public_key": KEY})
    paper.refuse = {"create_network"}
    return partial(do.vpcs.create, body={"name": "site", "region": "fra1"})


IDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    412: "precondition_failed",
    422: "unprocessable_entity",
    500: "server_error",
}


@pytest.mark.parametrize("status", IDS)
def test_a_refusal(api: Client, do: Any, paper: PaperHypervisor, status: int) -> None:
    """By its own rules; 404 is handed out by pydo, which knows it as an answer, all else is raised."""
    refusal = refused(provoke(api, do, paper, status))
    paper.gate.set()
    check(refusal, status=status, id=IDS[status])
    assert refusal.raised or status in (400, 404)


def check(refusal: Refusal, *, status: int, id: str) -> None:
    """Status, the documented body and headers."""
    assert (refusal.status, refusal.body["id"]) == (status, id)
    assert refusal.body["message"]
    assert refusal.body["request_id"] == refusal.headers["x-request-id"]
    assert all(refusal.headers[name].isdigit() for name in RATE)


@pytest.mark.parametrize(
    ("status", "id"),
    [(429, "too_many_requests"), (500, "server_error"), (502, "bad_gateway"), (503, "service_unavailable")],
)
def test_a_refusal_on_purpose(api: Client, do: Any, status: int, id: str) -> None:
    """By a fault rule, with the headers it adds; the call that follows is answered."""
    rule = {"path": "/v2/account", "status": status, "headers": {"Retry-After": "7"}}
    assert api.raw("POST", "/_cloud/faults", rule).status == 201
    refusal = refused(do.account.get)
    check(refusal, status=status, id=id)
    assert refusal.raised
    assert refusal.headers["Retry-After"] == "7"
    assert (refusal.headers["ratelimit-remaining"] == "0") == (status == 429)
    assert do.account.get()["account"]["status"] == "active"


def test_a_client_that_is_patient_waits_as_it_was_told(api: Client, cloud: Cloud) -> None:
    """pydo asks again by itself after a 429, for a list as for an order; nothing is made twice."""
    patient = official.client(api.url, patient=True)
    for method in ("GET", "POST"):
        rule = {"method": method, "path": "/v2/droplets", "status": 429, "headers": {"Retry-After": "0"}, "times": 2}
        assert api.raw("POST", "/_cloud/faults", rule).status == 201
    patient.droplets.create(body=ORDER)
    assert cloud.settle()
    assert patient.droplets.list()["meta"]["total"] == 1
    assert sum(event["event"] == "fault" for event in cloud.events) == 4
