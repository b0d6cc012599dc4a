"""Which edits would lose data, in the words a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from components.losses import recorded, refuse_losses
from settings import Settings, SettingsError

ASKED: dict[str, Any] = {"region": "fra1", "project": "site", "settings": "site.settings"}
FILE = "stacks/Pulumi.staging.yaml"


def _settings(**more: Any) -> Settings:
    return Settings.parse("staging", {**ASKED, **{key.replace("_", "-"): value for key, value in more.items()}})


def _refusal(before: dict[str, Any], now: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as refused:
        refuse_losses(_settings(**now), recorded(_settings(**before)))
    return str(refused.value)


def test_before_a_first_good_up_everything_may_change() -> None:
    refuse_losses(_settings(), None)


def test_nothing_changed() -> None:
    refuse_losses(_settings(), recorded(_settings()))


def test_an_unprotected_environment_says_how_to_mean_it() -> None:
    assert _refusal({}, {"region": "ams3"}).splitlines() == [
        f"{FILE}: region: should stay fra1, or the database, the uploads, the artifacts and the address would be lost "
        "(got 'ams3'), write region: fra1",
        "To really mean it, in this order:",
        "  1. the edit, accept-data-loss: [region]: pulumi up -s staging",
        "  2. accept-data-loss out again: pulumi up -s staging",
    ]


def test_a_protected_one_is_unprotected_by_a_run_of_its_own() -> None:
    steps = [
        "To really mean it, in this order:",
        "  1. protect: false, everything else as it was before this edit: pulumi up -s staging",
        "  2. the edit, accept-data-loss: [database] and protect: false: pulumi up -s staging",
        "  3. accept-data-loss out again and protect: true: pulumi up -s staging",
    ]
    now = {"database": "none", "accept_data_loss": ["database"]}
    line = f"{FILE}: database: should stay managed, or the database would be lost (got 'none'), write database: managed"
    for protect in (True, False):
        assert _refusal({"protect": True}, {**now, "protect": protect}).splitlines() == [line, *steps]


def test_protecting_and_losing_in_one_run_is_refused() -> None:
    assert "the edit, accept-data-loss: [site] and protect: false" in _refusal({}, {"site": "shop", "protect": True})


def test_what_was_given_up_may_go_and_the_rest_may_not() -> None:
    refuse_losses(_settings(site="shop", accept_data_loss=["site"]), recorded(_settings()))
    refused = _refusal({}, {"site": "shop", "media": "disk", "accept_data_loss": ["site"]})
    assert refused.startswith(f"{FILE}: media: should stay private, or the uploads would be lost (got 'disk')")


def test_what_was_given_up_is_taken_out_again() -> None:
    said = f"{FILE}: accept-data-loss: names site, which loses nothing now, take it out again"
    assert _refusal({}, {"accept_data_loss": ["site"]}) == said


def test_another_name_of_the_stack() -> None:
    with pytest.raises(SettingsError, match=r"stack: should stay production, .*, pulumi stack rename production"):
        refuse_losses(_settings(), {**recorded(_settings()), "stack": "production"})


def test_a_generation_only_goes_up() -> None:
    assert _refusal({"server_generation": 3}, {"server_generation": 2}) == (
        f"{FILE}: server-generation: should be 3 or more, a lower one replaces the servers as a higher one does "
        "(got 2), write 3 to keep them or 4 to renew them"
    )
    refuse_losses(_settings(server_generation=4), recorded(_settings(server_generation=3)))
    assert _refusal({"database_generation": 3}, {"database_generation": 2}) == (
        f"{FILE}: database-generation: should be 3 or more, a lower one replaces the database's server as a higher one "
        "does (got 2), write 3 to keep it or 4 to renew it"
    )


def test_a_disk_only_grows() -> None:
    assert _refusal({"database_disk": 40}, {"database_disk": 20}) == (
        f"{FILE}: database-disk: should be 40 or more, a disk only grows (got 20), write 40"
    )
    refuse_losses(_settings(database_disk=60), recorded(_settings(database_disk=40)))


@pytest.mark.parametrize("kind", ["local", "sqlite", "none"])
def test_a_database_of_another_kind_is_not_held_against_the_ones_machine(kind: str) -> None:
    """What the refusal says is a way: neither the old generation nor the old disk can be written beside it."""
    before = {"database_generation": 2, "database_disk": 40}
    assert f"database: should stay managed, or the database would be lost (got '{kind}')" in _refusal(
        before, {"database": kind}
    )
    refuse_losses(_settings(database=kind, accept_data_loss=["database"]), recorded(_settings(**before)))
    moved = {"cloud": "hetzner", "accept_data_loss": ["cloud"]}
    refuse_losses(_settings(**moved), recorded(_settings(**before)))
    back = {"database": "managed", "accept_data_loss": ["database"]}
    refuse_losses(_settings(**back), {**recorded(_settings(database="local")), "database-disk": 40})


def test_stacks_of_before_these_settings_may_change() -> None:
    before = {k: v for k, v in recorded(_settings()).items() if not k.startswith("database-")}
    refuse_losses(_settings(database_generation=2), before)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"media": "disk"}, {"media": "disk", "server_size": "large"}),
        ({"media": "disk"}, {"media": "disk", "server_generation": 2}),
        ({"media": "disk"}, {"media": "private"}),
        ({"database": "none"}, {"database": "none", "server_size": "large"}),
        ({"database": "local"}, {"database": "local", "server_generation": 2}),
        ({"database": "local"}, {"database": "managed"}),
        ({"database": "local"}, {"database": "none"}),
    ],
)
def test_what_lies_on_a_server_goes_with_it(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert "on the server's disk would be lost" in _refusal(before, now)


@pytest.mark.parametrize(
    "now", [{"server_size": "large"}, {"server_generation": 2}, {"media": "public"}, {"database_size": "large"}]
)
def test_what_keeps_data_elsewhere_may_change(now: dict[str, Any]) -> None:
    refuse_losses(_settings(**now), recorded(_settings()))


def test_numbers_come_back_from_the_engine_as_floats() -> None:
    refuse_losses(_settings(), {**recorded(_settings()), "server-generation": 1.0})


def test_a_database_that_is_copied_outlives_its_server_and_not_its_setting() -> None:
    before = recorded(_settings(database="sqlite"))
    refuse_losses(_settings(database="sqlite", server_generation=2, server_size="large"), before)
    assert "database: should stay sqlite, or the database would be lost" in _refusal({"database": "sqlite"}, {})
