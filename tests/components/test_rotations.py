"""A rotation: a new one beside the one in use, first; the old one goes with the run that leaves it out."""

from __future__ import annotations

from typing import Any

import pytest

from components.losses import recorded
from components.rotations import refuse_jumps
from settings import Settings, SettingsError
from tests.components.test_database import Kept
from tests.components.test_environment import Up
from tests.plans.account import Account
from tests.settings.test_settings import GOOD


def protected(account: Account, kind: str, *names: str) -> list[bool | None]:
    return [account.one(kind, name).options.protect for name in names]


def test_what_was_never_rotated_has_no_number(account: Account) -> None:
    up = Up(account)
    made = {each.name for each in account.asked if each.type.endswith("RandomPassword")}
    assert {"secret-key", "certificate-key"} <= made
    assert not [name for name in made if name[-1].isdigit()]
    release = up.document("release")
    assert (release["secret_key_fallbacks"], release["former_login"]) == ([], None)


def test_a_rotated_key_stands_before_the_one_it_follows(account: Account) -> None:
    up = Up(account, rotations={"secret-key": [1, 2]}, protect=True)
    release = up.document("release")
    assert len(release["secret_key_fallbacks"]) == 1
    assert protected(account, "RandomPassword", "secret-key", "secret-key-2") == [False, True]


def test_the_one_before_is_dropped_by_the_next(account: Account) -> None:
    up = Up(account, rotations={"secret-key": [2]})
    assert up.document("release")["secret_key_fallbacks"] == []
    assert "secret-key" not in {each.name for each in account.asked}


def test_a_database_of_our_own_gets_a_second_login(account: Account) -> None:
    up = Kept(account, rotations={"database-password": [1, 2]}, protect=True)
    told = up.document("database")
    assert (told["user"]["role"], told["former"]["role"], told["owner"]) == ("slipway_2", "slipway", "slipway_owner")
    release = up.document("release")
    assert (release["database"]["user"], release["database"]["owner"]) == ("slipway_2", "slipway_owner")
    assert release["former_login"]["user"] == "slipway"
    assert protected(account, "RandomPassword", "user-password", "user-password-2") == [False, True]


def test_a_former_login_is_no_part_of_what_runs(account: Account) -> None:
    from release.driver.release_id import configuration

    assert "former_login" not in configuration(
        Kept(account, rotations={"database-password": [1, 2]}).document("release")
    )


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ([1], [1, 2], ""),
        ([1, 2], [2], ""),
        ([2], [2, 3], ""),
        ([1, 2], [2, 3], ""),
        ([1], [2], "should hold 1, which is in use (got [2]), run slipway rotate staging secret-key"),
        ([1.0], [2], "should hold 1, which is in use"),  # as the engine gives it back
        ([1, 2], [1], "should be 2 or more, never less (got [1]), run slipway rotate staging secret-key"),
    ],
)
def test_what_is_in_use_stays_for_one_run_more(before: list[float], now: list[int], said: str) -> None:
    settings = Settings.parse("staging", {**GOOD, "rotations": {"secret-key": now}})
    last: dict[str, Any] = {**recorded(settings), "rotations": {"secret-key": before}}
    refuse_jumps(settings, None)
    if not said:
        refuse_jumps(settings, last)
        return
    with pytest.raises(SettingsError, match=r"rotations\.secret-key: ") as caught:
        refuse_jumps(settings, last)
    assert said in str(caught.value)


def test_an_environment_from_before_has_never_rotated() -> None:
    settings = Settings.parse("staging", {**GOOD, "rotations": {"storage-keys": [2]}})
    last = {key: value for key, value in recorded(settings).items() if key != "rotations"}
    with pytest.raises(SettingsError, match="should hold 1, which is in use"):
        refuse_jumps(settings, last)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"secret-kee": [1]}, "rotations.secret-kee: is nothing that is rotated, choose of secret-key, "),
        ({"secret-key": 2}, "rotations.secret-key: should be the number of the one in use, "),
        ({"secret-key": []}, "(got []), write [2] or [1, 2]"),
        ({"secret-key": [1, 2, 3]}, "(got [1, 2, 3]), write [2] or [1, 2]"),
        ({"secret-key": [2, 1]}, "(got [2, 1]), write [2] or [1, 2]"),
        ({"secret-key": [True]}, "(got [True]), write [2] or [1, 2]"),
    ],
)
def test_a_wrong_list_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.parse("staging", {**GOOD, "rotations": given})
    assert said in str(caught.value)


def test_a_key_of_ones_own_is_ones_own_to_rotate() -> None:
    given = {**GOOD, "secrets": {"SECRET_KEY": "mine"}, "rotations": {"secret-key": [1, 2]}}
    with pytest.raises(SettingsError, match="has no meaning beside a SECRET_KEY of your own"):
        Settings.parse("staging", given)
