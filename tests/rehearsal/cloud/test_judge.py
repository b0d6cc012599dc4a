"""The judge sees what is wrong: every planted mistake is caught, and the honest answer passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from rehearsal.cloud.serving import Server
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.contract import DIGITALOCEAN
from tests.rehearsal.cloud.judge import Judge, problems
from tests.rehearsal.cloud.manners import Exchange
from tests.rehearsal.cloud.test_droplets import ORDER, order

TESTS = Path(__file__).resolve().parents[2]
published = pytest.mark.skipif(
    DIGITALOCEAN.document is None, reason="../shared/contract/digitalocean.openapi.json is not on this computer"
)


@pytest.fixture
def seen(api: Client, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Exchange]:
    """Make honest calls of several kinds; give one of them by its name."""
    kept: list[Exchange] = []

    def keep(exchange: Exchange) -> list[str]:
        kept.append(exchange)
        return []

    monkeypatch.setattr("tests.rehearsal.cloud.judge.problems", keep)
    droplet = order(api, tags=["site"])
    api("GET", "/droplets?per_page=1")
    api("GET", "/droplets/1", status=404)
    api("POST", "/tags", {"name": "blue"})
    api("DELETE", f"/droplets/{droplet['id']}")
    api(
        "POST",
        "/databases",
        {"name": "a-db", "engine": "pg", "size": "db-s-1vcpu-1gb", "region": "fra1", "num_nodes": 1},
    )
    return lambda name: next(e for e in kept if (str(e).startswith(name) and e.status != 200) or str(e) == name)


def _without(name: str) -> Callable[[Any], Any]:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _inside(name: str, **changes: Any) -> Callable[[Any], Any]:
    def change(body: Any) -> Any:
        first = body[name][0] if isinstance(body[name], list) else body[name]
        changed = {key: value for key, value in {**first, **changes}.items() if value is not ...}
        return {**body, name: [changed] if isinstance(body[name], list) else changed}

    return change


LIST, ORDERED, TAG = "GET /v2/droplets 200", "POST /v2/droplets 202", "POST /v2/tags 201"
DATABASE = "POST /v2/databases 201"
BODIES: list[tuple[str, Callable[[Any], Any]]] = [
    (LIST, _inside("droplets", id="400000001")),
    (LIST, _inside("droplets", status="running")),
    (LIST, _inside("droplets", networks=...)),
    (LIST, _inside("droplets", tags="site")),
    (LIST, _inside("droplets", created_at="yesterday")),
    (LIST, _inside("droplets", memory="1024")),
    (LIST, _without("meta")),
    (LIST, _without("links")),
    (LIST, _without("droplets")),
    (LIST, lambda body: {**body, "meta": {"total": "1"}}),
    (LIST, lambda body: {**body, "meta": {"total": 7}}),
    (LIST, lambda body: {**body, "links": {"pages": {"next": "http://x/v2/droplets?page=9"}}}),
    (LIST, lambda body: body["droplets"]),
    (ORDERED, lambda body: body["droplet"]),
    (ORDERED, _without("links")),
    (ORDERED, _inside("droplet", locked="yes")),
    (ORDERED, _inside("droplet", size_slug=...)),
    (TAG, _inside("tag", resources=...)),
    (TAG, lambda body: None),
    (DATABASE, _inside("database", connection=...)),
    (DATABASE, _inside("database", connection={"port": "25060"})),
    (DATABASE, _inside("database", num_nodes="1")),
    (DATABASE, _inside("database", status="booting")),
    (DATABASE, _inside("database", private_network_uuid=...)),
]


@published
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_wrong_answer_is_caught(seen: Callable[[str], Exchange], number: int) -> None:
    name, change = BODIES[number]
    exchange = seen(name)
    assert problems(exchange) == []
    assert problems(replace(exchange, body=change(exchange.body))) != []


@published
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (ORDERED, {"status": 200}),
        (ORDERED, {"path": "/v2/drops"}),
        (ORDERED, {"method": "PATCH"}),
        (ORDERED, {"request": {**ORDER, "size": 1}}),
        (ORDERED, {"request": {"name": "web-1"}}),
        (ORDERED, {"request": {**ORDER, "tags": "site"}}),
        (ORDERED, {"request": None}),
        (TAG, {"request": {"name": "no spaces"}}),
        (DATABASE, {"request": {"name": "a-db", "engine": "pg"}}),
        (LIST, {"query": {"colour": "blue"}}),
        (LIST, {"query": {"per_page": "many"}}),
        (LIST, {"path": "/v2/droplets/one"}),
    ],
)
def test_a_wrong_request_that_was_accepted_is_caught(
    seen: Callable[[str], Exchange], name: str, changes: dict[str, Any]
) -> None:
    assert problems(replace(seen(name), **changes)) != []


@pytest.mark.parametrize("name", ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-request-id"])
def test_a_missing_or_wrong_header_is_caught(seen: Callable[[str], Exchange], name: str) -> None:
    exchange = seen(TAG)
    assert problems(exchange) == []
    rest = {key: value for key, value in exchange.headers.items() if key != name}
    assert problems(replace(exchange, headers=rest)) != []
    assert problems(replace(exchange, headers={**rest, name: "soon"})) != []


@pytest.mark.parametrize("body", [None, {}, {"id": "not_found"}, {"message": "m"}, {"error": "not found"}, "not found"])
def test_a_refusal_in_another_shape_is_caught(seen: Callable[[str], Exchange], body: Any) -> None:
    exchange = seen("GET /v2/droplets/1 404")
    assert problems(exchange) == []
    assert problems(replace(exchange, body=body)) != []


def test_the_judge_stands_between_and_says_what_was_wrong() -> None:
    """Nobody has to ask it: a call that went through it is judged, and its verdict fails."""

    def lying(environ: Any, start_response: Any) -> Any:
        told = json.dumps({"id": "not_found"})
        return Response(told, status=404, content_type="application/json")(environ, start_response)

    judge = Judge(lying)
    server = Server(judge, host="127.0.0.1", port=0)
    server.start()
    assert Client(f"http://127.0.0.1:{server.server_port}").raw("GET", "/v2/droplets/1").status == 404
    server.shutdown()
    server.server_close()
    with pytest.raises(AssertionError, match="a refusal should have an id and a message"):
        judge.verdict()


def test_the_request_reaches_the_application_whole() -> None:
    """The judge reads it and passes it on."""

    def echo(environ: Any, start_response: Any) -> Any:
        return Response(Request(environ).get_data(), content_type="application/json")(environ, start_response)

    server = Server(Judge(echo), host="127.0.0.1", port=0)
    server.start()
    answer = Client(f"http://127.0.0.1:{server.server_port}").raw("POST", "/v1/echo", {"said": "x" * 70000})
    server.shutdown()
    server.server_close()
    assert answer.body == {"said": "x" * 70000}


def _tests() -> Iterator[Path]:
    return (file for file in TESTS.rglob("test_*.py") if file != Path(__file__))


def test_no_test_reaches_the_api_past_the_judge() -> None:
    """Only the fixture puts the application behind a server."""
    assert [str(file) for file in _tests() if "cloud.app import application" in file.read_text()] == []
