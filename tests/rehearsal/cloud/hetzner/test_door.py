"""What every call of the API has in common, and the calls that need no machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import labels
from tests.rehearsal.cloud.client import Client

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzHJfMCBRVZ5WYkmpGzfXmZcoQTTTNpWvDCr3zMUXUJ someone"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzHJfMCBRVZ5WYkmpGzfXmZcoQTTTNpWvDCr3zMUXUK someone"


@pytest.mark.parametrize("token", ["", "local-short", "x" * 64])
def test_only_padded_local_tokens_pass(api: Client, token: str) -> None:
    answer = replace(api, token=token).raw("GET", "/v1/ssh_keys")
    assert (answer.status, answer.body["error"]["code"]) == (401, "unauthorized")


def test_what_is_not_built_is_loud(api: Client, cloud: Cloud) -> None:
    for method, path in (("GET", "/isos"), ("PATCH", "/ssh_keys")):
        assert api(method, path, status=501)["error"]["code"] == "not_implemented"
    assert [event["path"] for event in cloud.events if event["event"] == "not built"] == ["/v1/isos", "/v1/ssh_keys"]


def test_every_answer_tells_the_rate_limit_and_that_it_is_json(api: Client) -> None:
    answers = [api.raw("GET", f"/v1/{path}") for path in ("ssh_keys", "ssh_keys/1", "nothing")]
    assert [answer.status for answer in answers] == [200, 404, 501]
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["ratelimit-limit"] == "3600"
        assert 3590 < int(answer.headers["ratelimit-remaining"]) < 3600
        assert answer.headers["x-correlation-id"]


def test_a_fault_speaks_as_hetzner_does(api: Client, cloud: Cloud) -> None:
    cloud.faults.add({"path": "/v1/.*", "status": 429})
    answer = api.raw("GET", "/v1/ssh_keys")
    assert (answer.status, answer.body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["ratelimit-remaining"] == "0"


def test_ssh_keys(api: Client) -> None:
    made = api("POST", "/ssh_keys", {"name": "me", "public_key": KEY, "labels": {"a": "b"}}, status=201)["ssh_key"]
    assert made["fingerprint"].count(":") == 15
    assert api("GET", f"/ssh_keys/{made['id']}")["ssh_key"] == made
    same_name = api("POST", "/ssh_keys", {"name": "me", "public_key": OTHER}, status=409)
    same_key = api("POST", "/ssh_keys", {"name": "you", "public_key": KEY}, status=409)
    assert {answer["error"]["code"] for answer in (same_name, same_key)} == {"uniqueness_error"}
    assert api("POST", "/ssh_keys", {"name": "you", "public_key": "x"}, status=422)["error"]["code"] == "invalid_input"
    changed = api("PUT", f"/ssh_keys/{made['id']}", {"name": "you", "labels": {}})["ssh_key"]
    assert (changed["name"], changed["labels"]) == ("you", {})
    api("DELETE", f"/ssh_keys/{made['id']}", status=204)
    assert api("GET", f"/ssh_keys/{made['id']}", status=404)["error"]["code"] == "not_found"


def test_a_lookup_by_name_that_finds_nothing_is_an_empty_list(api: Client) -> None:
    body = api("GET", "/ssh_keys?name=4711")
    assert body["ssh_keys"] == []
    assert body["meta"]["pagination"] == {
        "page": 1,
        "per_page": 25,
        "previous_page": None,
        "next_page": None,
        "last_page": 1,
        "total_entries": 0,
    }


def test_pages_and_order(api: Client) -> None:
    body = api("GET", "/server_types?per_page=5&page=2&sort=name:desc")
    names = [each["name"] for each in body["server_types"]]
    assert names == sorted(names, reverse=True)
    pagination = body["meta"]["pagination"]
    assert (len(names), pagination["previous_page"], pagination["next_page"]) == (5, 1, 3)
    assert api("GET", "/server_types?sort=colour", status=422)["error"]["code"] == "invalid_input"


def test_the_catalog_answers_what_a_client_looks_up(api: Client) -> None:
    assert [place["name"] for place in api("GET", "/locations")["locations"]] == [
        "fsn1",
        "nbg1",
        "hel1",
        "ash",
        "hil",
        "sin",
    ]
    image = api("GET", "/images?name=debian-13&architecture=x86&include_deprecated=true")["images"]
    assert [each["os_flavor"] for each in image] == ["debian"]
    assert api("GET", f"/images/{image[0]['id']}")["image"] == image[0]
    (small,) = api("GET", "/server_types?name=cx23")["server_types"]
    assert api("GET", f"/server_types/{small['id']}")["server_type"] == small
    assert api("GET", "/datacenters")["recommendation"]


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("site=blog", True),
        ("site==shop", False),
        ("site!=shop", True),
        ("other!=shop", True),
        ("site", True),
        ("!site", False),
        ("site in (blog, shop)", True),
        ("site notin (blog,shop),site", False),
        ("site=blog,slipway.example/stack=staging", True),
    ],
)
def test_label_selectors(selector: str, chosen: bool) -> None:
    given: dict[str, Any] = {"site": "blog", "slipway.example/stack": "staging"}
    assert labels.matches(selector, labels.check(given)) is chosen
