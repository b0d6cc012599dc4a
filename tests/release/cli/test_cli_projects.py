"""Where `slipway` looks, and what it says when something is not there."""

from __future__ import annotations

import pytest

from release.cli.__main__ import VERBS
from tests.release.cli.desk import REPOSITORY, Desk

pytestmark = pytest.mark.whole


def looked_at(desk: Desk) -> str:
    return str(desk.pulumi_calls()[-1][1])


def test_the_project_is_here_or_above(desk: Desk) -> None:
    desk.run("logs", "staging", cwd=desk.project / "deeper")
    assert looked_at(desk) == str(desk.project)


def test_the_project_is_what_the_environment_says(desk: Desk) -> None:
    desk.run("logs", "staging", cwd=desk.root / "tmp", SLIPWAY_PROJECT=str(desk.project))
    assert looked_at(desk) == str(desk.project)


def test_a_directory_that_is_given_wins(desk: Desk) -> None:
    desk.run("-C", str(desk.project), "logs", "staging", cwd=desk.root / "tmp", SLIPWAY_PROJECT="/nowhere")
    assert looked_at(desk) == str(desk.project)


def test_else_it_is_slipways_own_checkout(desk: Desk) -> None:
    desk.run("logs", "staging", cwd=desk.root / "tmp")
    assert looked_at(desk) == str(REPOSITORY)


def test_a_directory_without_a_project(desk: Desk) -> None:
    ended = desk.run("-C", "deeper", "logs", "staging")
    assert (ended.code, ended.err) == (2, "-C: should be a directory with a Pulumi.yaml (got 'deeper')\n")


def test_an_unknown_stack_lists_the_known(desk: Desk) -> None:
    desk.stack("production")
    (desk.root / "state/server-bin/sudo").unlink()
    (desk.root / "state/server-bin").rmdir()
    ended = desk.run("logs", "stagin")
    assert (ended.code, ended.err) == (
        2,
        f"stagin: no such stack in {desk.project}, did you mean staging? the known ones are production, staging\n",
    )


def test_a_stack_that_was_never_up(desk: Desk) -> None:
    (desk.root / "state/staging/output.json").write_text("{}")
    assert desk.run("open", "staging").err == "staging: has no outputs yet, run pulumi up -s staging\n"


def test_an_output_that_is_not_there_yet(desk: Desk) -> None:
    (desk.root / "state/staging/output.json").write_text('{"url": "https://x"}')
    assert desk.run("logs", "staging").err == "staging: has no output servers yet, run pulumi up -s staging\n"


def test_what_the_engine_says_is_passed_on(desk: Desk) -> None:
    (desk.root / "state/staging/broken").touch()
    assert desk.run("open", "staging").err == "staging: pulumi stack output failed: incorrect passphrase\n"


def test_without_pulumi(desk: Desk) -> None:
    (desk.root / "bin/pulumi").unlink()
    ended = desk.run("open", "staging", PATH="/usr/bin:/bin")
    assert ended.err.startswith("pulumi: is not on PATH, ")


def test_an_unknown_verb(desk: Desk) -> None:
    ended = desk.run("statsu", "staging")
    known = ", ".join(sorted(VERBS))
    said = f"slipway: unknown verb: statsu, did you mean status? the known ones are {known}\n"
    assert (ended.code, ended.err) == (2, said)


def test_help_names_every_verb(desk: Desk) -> None:
    out = desk.run("--help").out
    assert all(f"  {verb} STACK" in out for verb in ("manage", "shell", "logs", "open", "status", "promote"))
