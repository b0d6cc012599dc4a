"""`slipway rotate`: what is written, which `up` follows, and how it goes on after an interruption."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.cli.pin import pinned
from tests.release.cli.desk import PRODUCTION, Desk

pytestmark = pytest.mark.whole

ROTATIONS = {name: [1] for name in ("secret-key", "database-password", "storage-keys")}


def standing(desk: Desk, *, cloud: str = "digitalocean", kind: str = "managed", **generations: list[int]) -> None:
    used = {**ROTATIONS, **{name.replace("_", "-"): each for name, each in generations.items()}}
    desk.stack("production", recorded={"rotations": used}, cloud={"name": cloud}, data={"kind": kind})


def ups(desk: Desk) -> list[dict[str, Any]]:
    """Each `up`, and what the stack file said in it."""
    path = desk.root / "state" / "ups.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if "rotations" in line]


def test_a_key_gets_a_successor_and_stays_for_what_it_signed(desk: Desk) -> None:
    standing(desk)
    ended = desk.run("rotate", "production", "secret-key", "--yes")
    assert (ended.code, ended.err) == (0, "")
    assert lines(desk.production.read_text()) == ["rotations: {secret-key: [1, 2]}"]
    assert desk.production.read_text().replace("  rotations: {secret-key: [1, 2]}\n", "") == PRODUCTION
    assert [each["words"] for each in ups(desk)] == [["up", "-s", "production", "--yes"]]
    assert "stays valid until the next slipway rotate production secret-key" in ended.out


def test_a_second_rotation_drops_the_first_key(desk: Desk) -> None:
    standing(desk, secret_key=[1, 2])
    desk.production.write_text(PRODUCTION.replace("config:\n", "config:\n  rotations: {secret-key: [1, 2]}\n"))
    assert desk.run("rotate", "production", "secret-key").code == 0
    assert lines(desk.production.read_text()) == ["rotations: {secret-key: [2, 3]}"]
    standing(desk, secret_key=[2, 3])
    assert desk.run("rotate", "production", "secret-key", "--drop").code == 0
    assert lines(desk.production.read_text()) == ["rotations: {secret-key: [3]}"]
    standing(desk, secret_key=[3])
    ended = desk.run("rotate", "production", "secret-key", "--drop")
    assert "there is none before it to drop" in ended.out
    assert len(ups(desk)) == 2


@pytest.mark.parametrize("name", ["database-password", "storage-keys"])
def test_what_nobody_holds_is_let_go_at_once(desk: Desk, name: str) -> None:
    standing(desk)
    assert desk.run("rotate", "production", name, "--yes").code == 0
    assert [each["rotations"] for each in ups(desk)] == [
        [f"rotations: {{{name}: [1, 2]}}"],
        [f"rotations: {{{name}: [2]}}"],
    ]


def test_a_failed_up_is_gone_on_with(desk: Desk) -> None:
    standing(desk)
    (desk.root / "state" / "up-fails").touch()
    ended = desk.run("rotate", "production", "database-password")
    assert ended.code == 255
    assert "slipway rotate production database-password goes on from here" in ended.out
    assert lines(desk.production.read_text()) == ["rotations: {database-password: [1, 2]}"]
    (desk.root / "state" / "up-fails").unlink()
    ended = desk.run("rotate", "production", "database-password")
    assert "[1, 2] is written and not up yet (in use: [1]), going on with it" in ended.out
    assert [each["rotations"] for each in ups(desk)][1:] == [
        ["rotations: {database-password: [1, 2]}"],
        ["rotations: {database-password: [2]}"],
    ]


def test_one_that_was_interrupted_before_its_end_is_ended(desk: Desk) -> None:
    standing(desk, database_password=[1, 2])
    desk.production.write_text(
        PRODUCTION.replace("config:\n", "config:\n  rotations:\n    database-password: [1, 2]\n")
    )
    assert desk.run("rotate", "production", "database-password").code == 0
    assert [each["rotations"] for each in ups(desk)] == [["rotations: {database-password: [2]}"]]


@pytest.mark.parametrize(
    ("name", "environment", "said"),
    [
        ("secret-kee", {}, "slipway rotate: secret-kee: is nothing that is rotated, did you mean secret-key? "),
        ("storage-keys", {"cloud": "hetzner"}, "storage-keys: are made by hand on hetzner: "),
        ("database-password", {"kind": "none"}, "production: database-password: this environment has no database "),
    ],
)
def test_what_cannot_be_rotated_changes_nothing(desk: Desk, name: str, environment: dict[str, str], said: str) -> None:
    standing(desk, **environment)  # type: ignore[arg-type]
    ended = desk.run("rotate", "production", name)
    assert (ended.code, ended.err[: len(said)]) == (2, said)
    assert desk.production.read_text() == PRODUCTION
    assert ups(desk) == []


def test_a_key_of_ones_own_is_refused(desk: Desk) -> None:
    standing(desk)
    text = PRODUCTION.replace("config:\n", "config:\n  secrets:\n    SECRET_KEY:\n      secure: v1:x\n")
    desk.production.write_text(text)
    ended = desk.run("rotate", "production", "secret-key")
    assert ended.err.startswith("stacks/Pulumi.production.yaml: SECRET_KEY: is your own, set another one there")
    assert desk.production.read_text() == text


@pytest.mark.parametrize(
    "before",
    [
        "config:\n  rotations: {secret-key: [1, 2]}  # ours\n  region: fra1\n",
        "config:\n  rotations:\n    secret-key: [1, 2]  # ours\n  # and this\n  region: fra1\n",
        "config:\n  rotations:\n    secret-key:\n      - 1\n      - 2\n  region: fra1\n",
        "config:\n  rotations:\n  region: fra1\n",
        "config: {rotations: {}, region: fra1}\n",
    ],
)
def test_however_it_was_written(before: str) -> None:
    after = pinned(before, values={"rotations": {"secret-key": [2, 3]}}, project="slipway", where="here")
    assert "rotations: {secret-key: [2, 3]}" in after
    assert after.count("region: fra1") == 1
