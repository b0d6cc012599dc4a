"""What belongs to one run only, and a window that stays open: on its way to the agents and back to the person."""

from __future__ import annotations

import pytest

from tests.release.driver.world import World


def test_an_ordinary_release_has_no_window(world: World) -> None:
    world.server()
    assert world.release(protect=True, accept_migration=["shop.0007"]).code == 0
    document = world.heard()[0]
    assert (document["protect"], document["accept_migration"], document["maintenance"]) == (True, ["shop.0007"], False)


def test_a_window_is_of_this_run_and_no_part_of_the_release(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.server()
    plain = world.release().answer["release"]
    monkeypatch.setenv("SLIPWAY_MAINTENANCE", "1")
    world.server("web-2")
    assert world.release(protect=True, accept_migration=["shop.0007"]).answer["release"] == plain
    assert world.heard("web-2")[0]["maintenance"] is True


def test_a_window_that_stays_open_is_told_with_its_reason(world: World) -> None:
    held = "1-2 cannot serve any more: shop.0007 drops the column shop_order.note"
    world.server(fails_at="gate", error="gate: 500", facts={"held": held})
    said = world.release().err.splitlines()
    assert said[0] == "release: web-1: gate: 500"
    assert said[1] == f"web-1: the holding page (503) serves until a release is committed: {held}"


def test_what_a_server_fetched_is_in_the_answer(world: World) -> None:
    world.server()
    world.server("web-2")
    assert world.release().answer["fetched"] == {"web-1": 0, "web-2": 0}
