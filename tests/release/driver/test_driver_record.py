"""The record of a release in its environment's bucket, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.bucket import Bucket
from release.driver.record import key
from tests.release.driver.world import World, keys
from tests.release.test_timeline import server

pytestmark = pytest.mark.whole


def kept(world: World, release: str) -> dict[str, Any]:
    found = Bucket.parse(world.bucket).get(key(release, "json"))
    assert found
    made: dict[str, Any] = json.loads(found)
    return made


def test_what_every_server_tells_is_kept_together(world: World) -> None:
    for name in ("web-1", "web-2"):
        world.server(name, record=server())
    answer = world.release().answer
    made = kept(world, answer["release"])
    assert (made["site"], made["environment"], made["decided"]) == ("slipway", "staging", "released")
    assert set(made["servers"]) == {"web-1", "web-2"}
    assert made["servers"]["web-1"]["steps"] == server()["steps"]
    assert [step["name"] for step in made["steps"]] == ["upload", "confirm", "commit"]
    picture = Bucket.parse(world.bucket).get(key(answer["release"], "svg"))
    assert picture
    assert picture.startswith(b"<svg")
    assert "record was not kept" not in str(answer["notes"])


def test_one_that_failed_is_kept_too(world: World) -> None:
    world.server(serves="old", fails_at="gate", error="gate: no answer", record=server(release="x"))
    result = world.release()
    assert result.code == 1
    (name,) = [each for each in keys(world.bucket) if each.endswith(".json") and each.startswith("records/")]
    made = kept(world, name.removeprefix("records/").removesuffix(".json"))
    assert made["decided"] == "failed: gate: no answer"


def test_what_ran_already_leaves_the_record_there_is(world: World) -> None:
    world.server(record=server())
    first = world.release().answer
    before = kept(world, first["release"])
    assert world.release().answer["release"] == first["release"]
    assert kept(world, first["release"]) == before


def test_a_server_whose_agent_tells_nothing_leaves_none(world: World) -> None:
    world.server()
    assert world.release().code == 0
    assert not [each for each in keys(world.bucket) if each.startswith("records/")]
