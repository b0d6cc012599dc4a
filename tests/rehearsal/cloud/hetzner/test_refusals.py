"""Every refusal of the API in its own shape, as Hetzner's own client surfaces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("hcloud")

from rehearsal.cloud.core import Cloud
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner import official
from tests.rehearsal.cloud.hetzner.official import refused
from tests.rehearsal.cloud.hetzner.test_door import KEY


@pytest.fixture
def hetzner(api: Client) -> Any:
    """The client."""
    return official.client(api.url)


def _wrong_token(api: Client, hetzner: Any) -> Any:
    return refused(official.client(api.url, token="x" * 64).zones.get_all)


def _twice(api: Client, hetzner: Any) -> Any:
    hetzner.ssh_keys.create(name="k", public_key=KEY)
    return refused(hetzner.ssh_keys.create, name="k", public_key=KEY)


def _protected(api: Client, hetzner: Any) -> Any:
    zone = hetzner.zones.create(name="example.org", mode="primary").zone
    zone.change_protection(delete=True)
    return refused(zone.delete)


PROVOKED: dict[str, Callable[[Client, Any], Any]] = {
    "unauthorized": _wrong_token,
    "not_found": lambda api, hetzner: refused(hetzner.zones.get, "example.org"),
    "uniqueness_error": _twice,
    "invalid_input": lambda api, hetzner: refused(hetzner.zones.create, name="no zone", mode="primary"),
    "protected": _protected,
    "not_implemented": lambda api, hetzner: refused(hetzner.isos.get_all),
}


@pytest.mark.parametrize("code", PROVOKED)
def test_a_refusal(api: Client, hetzner: Any, code: str) -> None:
    """By its own rules; the judge holds its status, its body and its headers to the code."""
    refusal = PROVOKED[code](api, hetzner)
    assert refusal.code == code
    assert refusal.message
    assert refusal.correlation_id
    if code == "invalid_input":
        assert refusal.details["fields"][0]["name"] == "name"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "forbidden"),
        (409, "conflict"),
        (412, "resource_unavailable"),
        (423, "locked"),
        (429, "rate_limit_exceeded"),
        (500, "server_error"),
        (502, "bad_gateway"),
        (503, "service_error"),
        (504, "timeout"),
    ],
)
def test_a_refusal_on_purpose(api: Client, hetzner: Any, status: int, code: str) -> None:
    """By a fault rule that says no more than the status; the call that follows is answered."""
    assert api.raw("POST", "/_cloud/faults", {"path": "/v1/zones", "status": status}).status == 201
    refusal = refused(hetzner.zones.get_all)
    assert (refusal.code, bool(refusal.message), bool(refusal.correlation_id)) == (code, True, True)
    assert hetzner.zones.get_all() == []


def test_a_refusal_in_words_of_the_rule_s_own(api: Client, hetzner: Any) -> None:
    """Two refusals share the status 412; which one it is the rule can say."""
    error = {"code": "placement_error", "message": "error during placement", "details": None}
    api.raw("POST", "/_cloud/faults", {"path": "/v1/zones", "status": 412, "body": {"error": error}})
    assert refused(hetzner.zones.get_all).code == "placement_error"


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "bad_gateway", "conflict", "timeout"])
def test_a_patient_client_asks_again(api: Client, cloud: Cloud, code: str) -> None:
    """Of its own accord, for a list as for an order; nothing is made twice, a rate limit is told with none left."""
    status = {"rate_limit_exceeded": 429, "bad_gateway": 502, "conflict": 409, "timeout": 504}[code]
    api.raw("POST", "/_cloud/faults", {"path": "/v1/zones", "status": status, "times": 3})
    if status == 429:
        assert api.raw("GET", "/v1/zones").headers["ratelimit-remaining"] == "0"
    patient = official.client(api.url, patient=True)
    patient.zones.create(name="example.org", mode="primary")
    assert [zone.name for zone in patient.zones.get_all()] == ["example.org"]
    assert sum(event["event"] == "fault" for event in cloud.events) == 3


@pytest.mark.parametrize("status", [423, 500, 503])
def test_a_patient_client_gives_up_at_once(api: Client, cloud: Cloud, status: int) -> None:
    """What is locked or broken it leaves to its caller."""
    api.raw("POST", "/_cloud/faults", {"path": "/v1/zones", "status": status, "times": 2})
    refused(official.client(api.url, patient=True).zones.get_all)
    assert sum(event["event"] == "fault" for event in cloud.events) == 1
