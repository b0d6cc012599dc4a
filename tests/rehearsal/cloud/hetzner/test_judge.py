"""The judge sees what is wrong at Hetzner's API: every planted mistake is caught, and the honest answer passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.contract import HETZNER
from tests.rehearsal.cloud.hetzner.test_door import KEY
from tests.rehearsal.cloud.judge import Judge, problems
from tests.rehearsal.cloud.manners import Exchange

published = pytest.mark.skipif(
    HETZNER.document is None, reason="../shared/contract/hcloud.openapi.json is not on this computer"
)
RRSET = {"name": "www", "type": "A", "records": [{"value": "198.51.100.1"}]}
MADE, SET = "POST /v1/zones 201", "POST /v1/zones/example.org/rrsets 201"
LIST, LOST, WRONG = "GET /v1/zones 200", "GET /v1/zones/absent 404", "POST /v1/zones 422"
KEYS, ACTIONS = "POST /v1/ssh_keys 201", "GET /v1/actions 200"
Change = Callable[[Any], Any]


@pytest.fixture
def seen(api: Client, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> dict[str, Exchange]:
    """Honest calls of several kinds, by their names."""
    kept: dict[str, Exchange] = {}

    def keep(exchange: Exchange) -> list[str]:
        kept[str(exchange)] = exchange
        return []

    monkeypatch.setattr("tests.rehearsal.cloud.judge.problems", keep)
    api("POST", "/zones", {"name": "example.org", "mode": "primary"})
    api("POST", "/zones", {"name": "example.net", "mode": "primary"})
    api("POST", "/zones/example.org/rrsets", RRSET)
    api("POST", "/ssh_keys", {"name": "k", "public_key": KEY})
    api("GET", "/zones?per_page=1")
    api("GET", "/actions?id=1500000000001&id=1500000000002&sort=id")
    api("GET", "/zones/absent", status=404)
    api("POST", "/zones", {"name": "no zone", "mode": "primary"}, status=422)
    return kept


def _without(name: str) -> Change:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _inside(name: str, **changes: Any) -> Change:
    def change(body: Any) -> Any:
        first = body[name][0] if isinstance(body[name], list) else body[name]
        changed = {key: value for key, value in {**first, **changes}.items() if value is not ...}
        return {**body, name: [changed] if isinstance(body[name], list) else changed}

    return change


def _pages(**changes: Any) -> Change:
    return lambda body: {**body, "meta": {"pagination": {**body["meta"]["pagination"], **changes}}}


BODIES: list[tuple[str, Change]] = [
    (LIST, _inside("zones", id="700001")),
    (LIST, _inside("zones", id=...)),
    (LIST, _inside("zones", status="fine")),
    (LIST, _inside("zones", created="yesterday")),
    (LIST, _inside("zones", authoritative_nameservers={})),
    (LIST, _inside("zones", protection={})),
    (LIST, _inside("zones", ttl="3600")),
    (LIST, _without("meta")),
    (LIST, _without("zones")),
    (LIST, lambda body: {**body, "meta": {"total": 2}}),
    (LIST, _pages(total_entries="2")),
    (LIST, _pages(total_entries=7)),
    (LIST, _pages(next_page=None)),
    (LIST, _pages(previous_page=1)),
    (LIST, _pages(last_page=1)),
    (LIST, _pages(per_page=25)),
    (LIST, lambda body: body["zones"]),
    (MADE, _without("action")),
    (MADE, _without("zone")),
    (MADE, _inside("action", status="done")),
    (MADE, _inside("action", progress="100")),
    (MADE, _inside("action", resources=[{"id": 1}])),
    (MADE, _inside("action", error="none")),
    (MADE, lambda body: None),
    (SET, _inside("rrset", id=7)),
    (SET, _inside("rrset", ttl=...)),
    (SET, _inside("rrset", records=[{"data": "198.51.100.1"}])),
    (SET, _inside("rrset", protection={"delete": False})),
    (SET, _inside("rrset", type="B")),
    (KEYS, _inside("ssh_key", fingerprint=...)),
    (KEYS, _inside("ssh_key", labels=[])),
    (ACTIONS, _inside("actions", command=...)),
    (LOST, _without("error")),
    (LOST, lambda body: body["error"]),
    (LOST, lambda body: {"id": "not_found", "message": "m"}),
    (LOST, _inside("error", code=404)),
    (LOST, _inside("error", message=...)),
    (LOST, _inside("error", details=...)),
    (LOST, _inside("error", code="uniqueness_error")),
    (LOST, lambda body: None),
    (LOST, lambda body: "not found"),
    (WRONG, _inside("error", details=None)),
    (WRONG, _inside("error", details={"fields": []})),
]


@published
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_wrong_answer_is_caught(seen: dict[str, Exchange], number: int) -> None:
    name, change = BODIES[number]
    assert problems(seen[name]) == []
    assert problems(replace(seen[name], body=change(seen[name].body))) != []


@published
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (MADE, {"status": 200}),
        (MADE, {"path": "/v1/zone"}),
        (MADE, {"method": "PATCH"}),
        (MADE, {"request": {"name": "example.org"}}),
        (MADE, {"request": {"name": 7, "mode": "primary"}}),
        (MADE, {"request": {"name": "example.org", "mode": "tertiary"}}),
        (MADE, {"request": None}),
        (SET, {"request": {**RRSET, "ttl": 5}}),
        (SET, {"request": {**RRSET, "records": ["198.51.100.1"]}}),
        (SET, {"request": {**RRSET, "type": "B"}}),
        (LIST, {"query": {"colour": "blue"}}),
        (LIST, {"query": {"per_page": "many"}}),
        (LIST, {"query": {"mode": "tertiary"}}),
        (ACTIONS, {"query": {"id": ["1", "two"]}}),
        (LOST, {"status": 400}),
    ],
)
def test_a_wrong_call_that_was_answered_is_caught(
    seen: dict[str, Exchange], name: str, changes: dict[str, Any]
) -> None:
    assert problems(seen[name]) == []
    assert problems(replace(seen[name], **changes)) != []


@pytest.mark.parametrize("name", ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-correlation-id"])
def test_a_missing_or_wrong_header_is_caught(seen: dict[str, Exchange], name: str) -> None:
    rest = {key: value for key, value in seen[MADE].headers.items() if key != name}
    assert problems(seen[MADE]) == []
    assert problems(replace(seen[MADE], headers=rest)) != []
    assert problems(replace(seen[MADE], headers={**rest, name: "soon"})) != []
