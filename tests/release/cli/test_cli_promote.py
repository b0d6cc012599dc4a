"""`slipway promote`: only what is proven, and only its own lines of the stack file."""

from __future__ import annotations

import difflib

import pytest

from release.cli.pin import pinned
from release.cli.refusal import Refusal
from tests.release.cli.desk import ARTIFACT, PRODUCTION, Desk

LINES = [f"+  artifact: {ARTIFACT}", "+  promoted-from: staging"]
VALUES = {"artifact": "sha256-new", "promoted-from": "staging"}


def change(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_the_pin_is_written_under_the_project(desk: Desk) -> None:
    ended = desk.run("promote", "staging", "production")
    assert ended.code == 0, ended
    assert change(PRODUCTION, desk.production.read_text()) == LINES
    assert ended.out.splitlines() == [
        f"stacks/Pulumi.production.yaml: artifact: {ARTIFACT}",
        "stacks/Pulumi.production.yaml: promoted-from: staging",
        "",
        "next:",
        "  git diff stacks/Pulumi.production.yaml",
        "  pulumi up -s production",
    ]


def test_a_second_time_changes_nothing(desk: Desk) -> None:
    desk.run("promote", "staging", "production")
    before = desk.production.stat().st_mtime_ns
    ended = desk.run("promote", "staging", "production")
    assert ended.out == f"stacks/Pulumi.production.yaml: names this artifact already: {ARTIFACT}\n"
    assert desk.production.stat().st_mtime_ns == before


def test_mode_and_neighbours_stay(desk: Desk) -> None:
    desk.production.chmod(0o640)
    desk.run("promote", "staging", "production")
    assert desk.production.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in desk.production.parent.iterdir()) == [
        "Pulumi.production.yaml",
        "Pulumi.staging.yaml",
    ]


def test_a_live_site_that_runs_something_else_is_refused(desk: Desk) -> None:
    desk.says["release"] = "other"
    ended = desk.run("promote", "staging", "production")
    assert ended.code == 2
    assert ended.err.startswith(f"staging: https://localhost:{desk.port}: should run what the state says, ")
    assert ended.err.endswith(f"(got other of {ARTIFACT}), run pulumi up -s staging first\n")
    assert desk.production.read_text() == PRODUCTION


def test_a_silent_site_is_refused(desk: Desk) -> None:
    desk.says["status"] = 502
    assert "should say what it runs (got: answered 502)" in desk.run("promote", "staging", "production").err


@pytest.mark.parametrize("result", ["failed", "in-progress"])
def test_an_update_that_did_not_succeed_is_refused(desk: Desk, result: str) -> None:
    desk.stack(history=result)
    ended = desk.run("promote", "staging", "production")
    assert ended.err == (
        f"staging: its last update should have succeeded (got update {result}), run pulumi up -s staging first\n"
    )


def test_a_target_without_a_file_lists_the_known(desk: Desk) -> None:
    ended = desk.run("promote", "staging", "prodution")
    assert ended.err == (
        "stacks/Pulumi.prodution.yaml: is not there, did you mean production? "
        "the known ones are production, staging\n"
    )  # fmt: skip


def test_not_onto_itself(desk: Desk) -> None:
    assert desk.run("promote", "staging", "staging").err.startswith("staging: cannot be promoted from itself")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "config:\n  artifact: sha256-new\n  promoted-from: staging\n"),
        ("config:\n", "config:\n  artifact: sha256-new\n  promoted-from: staging\n"),
        ("config:\nsalt: x\n", "config:\n  artifact: sha256-new\n  promoted-from: staging\nsalt: x\n"),
        ("config: {}\n", "config:\n  artifact: sha256-new\n  promoted-from: staging\n"),
        ("config: {a: b}\n", "config: {a: b, artifact: sha256-new, promoted-from: staging}\n"),
        ("encryptionsalt: x", "encryptionsalt: x\nconfig:\n  artifact: sha256-new\n  promoted-from: staging\n"),
        ("config:\n  a: b", "config:\n  a: b\n  artifact: sha256-new\n  promoted-from: staging\n"),
        (
            "config:\n    artifact: 'sha256-old'   # proven\n    b: c\n",
            "config:\n    artifact: sha256-new   # proven\n    promoted-from: staging\n    b: c\n",
        ),
        (
            "config:\n  slipway:artifact: sha256-old\n  slipway:promoted-from: test\n",
            "config:\n  slipway:artifact: sha256-new\n  slipway:promoted-from: staging\n",
        ),
        (
            "config:\n  env:\n    A: 1\n    B: [x,\n      y]  # z\n\n# end\n",
            "config:\n  env:\n    A: 1\n    B: [x,\n      y]  # z\n"
            "  artifact: sha256-new\n  promoted-from: staging\n\n# end\n",
        ),
        (
            "config:\n  env:\n    A: |\n      text\n      more\n",
            "config:\n  env:\n    A: |\n      text\n      more\n  artifact: sha256-new\n  promoted-from: staging\n",
        ),
        (
            "config:\r\n  a: b\r\n# é\r\n",
            "config:\r\n  a: b\r\n  artifact: sha256-new\r\n  promoted-from: staging\r\n# é\r\n",
        ),
        (
            "config:\n  project: x\n  k:\n    secure: v1:long\n",
            "config:\n  project: x\n  artifact: sha256-new\n  promoted-from: staging\n  k:\n    secure: v1:long\n",
        ),
    ],
)
def test_only_our_lines_change(before: str, after: str) -> None:
    assert pinned(before, values=VALUES, project="slipway", where="f") == after


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("config:\n  artifact: a\n  slipway:artifact: b\n", "f: artifact: is there twice (as "),
        ("config: [a]\n", "f: config: should be a mapping of settings, correct it first"),
        ("config: {a\n", "f: is not YAML ("),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_edited_is_refused(text: str, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        pinned(text, values=VALUES, project="slipway", where="f")
    assert str(refused.value).startswith(says)
