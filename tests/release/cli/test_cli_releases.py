"""What is kept, the way back to it, and the pin that way leaves in the stack file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.release.cli.desk import ARTIFACT, PRODUCTION, RELEASE, Desk

pytestmark = pytest.mark.whole
OLD = "sha256-" + "cd" * 32
BEFORE = "cdcdcdcdcdcd-00000001"
WHY = "shop.0007_drop drops the column shop_picture.note"


def one(release: str, artifact: str, state: str, back: str = "", because: str = "", **more: str) -> dict[str, str]:
    at = {"at": "2026-11-20T10:00:00.000+00:00"}
    return {"release": release, "artifact": artifact, "state": state, "back": back, "because": because, **at, **more}


def keeps(desk: Desk, *more: dict[str, str], back: str = "yes", because: str = "") -> None:
    """The server serves one release and keeps the one before."""
    found = [one(RELEASE, ARTIFACT, "serving", because="it serves"), one(BEFORE, OLD, "previous", back, because), *more]
    desk.answer(stdout=json.dumps({"window": "", "releases": found}) + "\n")


def up(desk: Desk) -> dict[str, Any] | None:
    path = desk.root / "state/up.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def test_releases_are_told_as_a_table_and_as_json(desk: Desk) -> None:
    keeps(desk, one("0-1", OLD, "kept", "no", WHY), one("0-2", OLD, "failed", because="it has never served"))
    lines = desk.run("releases", "staging").out.splitlines()
    assert [line.split()[0] for line in lines] == ["release", RELEASE, BEFORE, "0-1", "0-2"]
    assert lines[1].split() == [RELEASE, "abababababab", "-", "2026-11-20", "10:00:00", "serving", "it", "serves"]
    assert lines[2].endswith("previous  yes")
    assert lines[3].endswith(f"kept      no, because {WHY}")
    said = json.loads(desk.run("releases", "staging", "--json").out)
    assert [each["back"] for each in said["releases"]] == ["", "yes", "no", ""]
    assert desk.calls()[0]["words"][-3:] == ["releases", "--site", "slipway"]


def test_a_rollback_pins_what_ran_before_and_brings_it_up(desk: Desk) -> None:
    desk.stack("production")
    keeps(desk)
    ended = desk.run("rollback", "production", "--yes", SLIPWAY_MAINTENANCE="1")
    assert ended.code == 0, ended
    reason = f"rolled back from {RELEASE} to {BEFORE}"
    assert desk.production.read_text() == PRODUCTION.replace(
        "a pin wins over it\n", f'a pin wins over it\n  artifact: {OLD}\n  pin-reason: "{reason}"\n'
    )
    assert up(desk) == {"words": ["-s", "production", "--yes"], "maintenance": ""}
    assert ended.out.splitlines() == [
        f"stacks/Pulumi.production.yaml: artifact: {OLD}",
        f"stacks/Pulumi.production.yaml: pin-reason: {reason}",
    ]


def test_an_up_that_fails_leaves_the_pin_and_says_so(desk: Desk) -> None:
    desk.stack("production")
    keeps(desk)
    (desk.root / "state/up-ends").write_text("255")
    ended = desk.run("rollback", "production")
    assert ended.code == 255
    assert "stacks/Pulumi.production.yaml: the pin stands; pulumi up -s production goes on with it" in ended.out
    assert f"artifact: {OLD}" in desk.production.read_text()


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ([], f"production: {BEFORE}: cannot serve from the database as it is now: {WHY}; go forward instead, or take"),
        (["cdcd"], f"production: {BEFORE}: cannot serve from the database as it is now: {WHY}; "),
        ([RELEASE], f"production: {RELEASE}: it serves, slipway releases production names what can be gone back to"),
        (["0-2"], "production: 0-2: it has never served, "),
        (["ffff"], f"production: should be a kept release (got ffff), the known ones are {BEFORE}"),
    ],
)
def test_what_cannot_serve_is_refused_and_nothing_is_written(desk: Desk, wanted: list[str], says: str) -> None:
    desk.stack("production")
    keeps(desk, one("0-2", ARTIFACT, "failed", because="it has never served"), back="no", because=WHY)
    ended = desk.run("rollback", "production", *wanted)
    assert (ended.code, ended.err[: len(says)]) == (2, says)
    assert desk.production.read_text() == PRODUCTION
    assert up(desk) is None


def test_a_first_release_has_nothing_before_it(desk: Desk) -> None:
    desk.answer(stdout=json.dumps({"window": "", "releases": [one(RELEASE, ARTIFACT, "serving")]}) + "\n")
    assert desk.run("rollback", "staging").err == (
        "staging: has no release before this one to go back to, slipway releases staging\n"
    )


def test_a_pin_is_taken_out_again(desk: Desk) -> None:
    desk.stack("production")
    keeps(desk)
    desk.run("rollback", "production")
    ended = desk.run("unpin", "production")
    assert ended.out.splitlines()[:2] == [
        "stacks/Pulumi.production.yaml: artifact: (taken out)",
        "stacks/Pulumi.production.yaml: pin-reason: (taken out)",
    ]
    assert desk.production.read_text() == PRODUCTION
    assert desk.run("unpin", "production").out == "stacks/Pulumi.production.yaml: has no pin\n"


def test_a_pin_without_a_project_stays(desk: Desk) -> None:
    text = f"config:\n  artifact: {ARTIFACT}\n  promoted-from: staging\n"
    desk.production.write_text(text)
    assert "project: is required without a pin" in desk.run("unpin", "production").err
    assert desk.production.read_text() == text


def test_up_hands_every_word_on_and_opens_a_window_when_asked(desk: Desk) -> None:
    desk.run("up", "staging", "--yes", "--color", "never")
    assert up(desk) == {"words": ["-s", "staging", "--yes", "--color", "never"], "maintenance": ""}
    (desk.root / "state/up-ends").write_text("3")
    assert desk.run("up", "staging", "--maintenance", "-y").code == 3
    assert up(desk) == {"words": ["-s", "staging", "-y"], "maintenance": "1"}
