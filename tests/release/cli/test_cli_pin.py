"""The pin in a stack file's text: only its own lines change."""

from __future__ import annotations

import pytest

from release.cli.pin import pinned
from release.cli.refusal import Refusal

VALUES = {"artifact": "sha256-new", "promoted-from": "staging"}


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("config:\n  a: b\n  artifact: x # y\n  promoted-from: z\n", "config:\n  a: b\n"),
        ("config:\r\n  artifact: x\r\n  a: b\r\n", "config:\r\n  a: b\r\n"),
        ("config:\n  slipway:artifact: x\nsalt: y\n", "config:\nsalt: y\n"),
        ("config:\n  artifact: x", "config:\n"),
        ("config:\n  a: b\n", "config:\n  a: b\n"),
    ],
)
def test_only_the_lines_of_a_pin_go(before: str, after: str) -> None:
    values = dict.fromkeys(("artifact", "promoted-from", "pin-reason"))
    assert pinned(before, values=values, project="slipway", where="f") == after


def test_a_pin_that_shares_its_line_is_left() -> None:
    with pytest.raises(Refusal, match="is written in a way slipway cannot edit"):
        pinned("config: {a: b, artifact: x}\n", values={"artifact": None}, project="slipway", where="f")


@pytest.mark.parametrize("reason", ["hotfix: it's #1", 'he said "no"', "yes", "12", "- a", "ünïcode", "a: b"])
def test_a_reason_is_read_back_as_it_was_said(reason: str) -> None:
    from ruamel.yaml import YAML

    text = pinned("config:\n  a: b\n", values={"pin-reason": reason}, project="slipway", where="f")
    assert YAML(typ="safe", pure=True).load(text)["config"]["pin-reason"] == reason
