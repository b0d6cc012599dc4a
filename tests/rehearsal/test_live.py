"""`make live-smoke` against the local cloud: to its end, and stopped at three points; nothing of it is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.stage import REPOSITORY, Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

ZONE = "example.org"
WHOLE = 900.0
Smoke = subprocess.Popen[str]


@pytest.fixture
def place(stage: Stage, tmp_path: Path) -> Iterator[Path]:
    """Where the smoke tests of one test keep their records; the account is as it was before, whatever happened."""
    ensure = f'from rehearsal.accounts import ACCOUNTS; ACCOUNTS["digitalocean"].ensure_zone("{ZONE}")'
    stage.type(f"inside .venv/bin/python -c '{ensure}'")
    before = in_the_account(stage)
    yield tmp_path / "live"
    assert in_the_account(stage) == before
    assert list((tmp_path / "live").glob("*/record.json")) == []


def test_it_looks_at_everything_and_leaves_nothing(stage: Stage, place: Path) -> None:
    smoke = started(stage, place, LIVE_DOMAIN=ZONE, GENERATION="yes")
    said, _ = smoke.communicate(timeout=WHOLE)
    assert smoke.returncode == 0, said
    assert said.index("It costs:") < said.index("pulumi up")
    for looked in (
        "shown, 720 pixels wide",
        "verify-full",
        "0 of ",
        "is refused",
        "status agrees",
        "another generation",
    ):
        assert looked in said, said
    assert "all as it should be" in said
    assert "local-rehearsal" not in said


@pytest.mark.parametrize(
    ("resource", "signals"),
    [
        ("DatabaseCluster", [signal.SIGINT]),
        ("Droplet", [signal.SIGINT, signal.SIGINT]),
        ("Droplet", [signal.SIGTERM]),
    ],
    ids=["once", "twice", "terminated"],
)
def test_stopped_it_takes_away_what_there_is(
    stage: Stage, place: Path, resource: str, signals: list[signal.Signals]
) -> None:
    smoke = started(stage, place)
    creating(place, resource)
    for number in signals:
        smoke.send_signal(number)
    said, _ = smoke.communicate(timeout=WHOLE)
    assert smoke.returncode == 130, said
    assert "is left; " in said, said


def test_killed_the_next_one_takes_it_away_first(stage: Stage, place: Path) -> None:
    smoke = started(stage, place)
    creating(place, "Command")
    smoke.kill()
    smoke.communicate(timeout=30)
    assert list(place.glob("*/record.json"))
    done = stage.type(f"{words(place)} inside make live-smoke-destroy")
    assert "is left from before" in done.stdout
    assert "is left; " in done.stdout


def started(stage: Stage, place: Path, **more: str) -> Smoke:
    """The command as a person starts it in a rehearsal's terminal; the process is the smoke test itself."""
    command = f". {stage.state}/env && {words(place, CONFIRM='yes', **more)} exec inside .venv/bin/python -m tests.live"
    return subprocess.Popen(
        ["bash", "-c", command],
        cwd=REPOSITORY,
        env={**os.environ, **stage.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def words(place: Path, **more: str) -> str:
    return " ".join(f"{name}={value}" for name, value in {"LIVE_SMOKE_DIR": str(place), **more}.items())


def creating(place: Path, resource: str) -> None:
    """Wait until the engine says that it is making one of these."""
    begun = re.compile(rf":{resource} \S+ creating")
    wait_until(
        lambda: any(begun.search(log.read_text()) for log in place.glob("*/pulumi.log")),
        limit=WHOLE,
        what=f"{resource} creating",
    )


def in_the_account(stage: Stage) -> list[str]:
    """Every resource of the local cloud, also those without a name; a region's first network stays by nature."""
    rows = stage.cloud("inventory")["resources"]
    return sorted(json.dumps(row, sort_keys=True) for row in rows if "default-" not in json.dumps(row))
