"""`before-release:` in the whole conversation: after migrate, once per environment, and a failure changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import before
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import load
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

COMMANDS = ["warm_caches --all 'two words'", "check_stock"]
TOLD = "Loading\nTraceback (most recent call last):\n  File x\nstock.models.Gone: no $HOME stock\n"


def pending(machine: Recorded) -> None:
    """A migration is to be applied."""
    found = Done(0, json.dumps({"plan": ["stock.0002"], "overrides": [], "applied": ["stock.0002"]}))
    machine.answers["/usr/bin/python3 - "] = found


def test_they_run_after_migrate_and_before_the_start(site: Site, machine: Recorded, bucket: Path) -> None:
    pending(machine)
    talk = Driver(machine, driver.Site())
    done = talk.whole(release_of(bucket, "1", before_release=COMMANDS), bucket)
    assert talk.end() == 0
    assert "before-release" in done["phases"]
    order = ["python3 - migrate", "-m django warm_caches --all two words", "-m django check_stock", "systemctl start"]
    places = [next(at for at, line in enumerate(machine.ran) if word in line) for word in order]
    assert places == sorted(places)
    steps = [json.loads(line).get("step") for line in (site.state / "journal.jsonl").read_text().splitlines()]
    assert "before-release" in steps


def test_only_the_lead_runs_them(site: Site, machine: Recorded, bucket: Path) -> None:
    talk = Driver(machine, driver.Site())
    talk.whole(release_of(bucket, "1", before_release=COMMANDS, lead=False), bucket)
    assert talk.end() == 0
    assert not [line for line in machine.ran if "warm_caches" in line]


def test_the_first_that_fails_leaves_the_old_release_serving(site: Site, machine: Recorded, bucket: Path) -> None:
    first = release_of(bucket, "1")
    talk = Driver(machine, driver.Site())
    talk.whole(first, bucket)
    talk.end()
    pending(machine)
    machine.answers |= {"warm_caches": Done(1, "", TOLD)}
    again = Driver(machine, driver.Site())
    again.to_urls(release_of(bucket, "2", before_release=COMMANDS), bucket)
    said = again.hear("error")
    assert again.end() == 1
    assert said["error"] == ("before-release: warm_caches --all 'two words': stock.models.Gone: no $HOME stock")
    assert said["detail"][-1] == "stock.models.Gone: no $HOME stock"
    assert said["ahead"] == ["stock.0002"]
    assert said["serves"] == first["release"]
    committed = load(site).committed
    assert committed
    assert committed.release == first["release"]
    assert site.serving() == "blue"
    assert not [line for line in machine.ran if "check_stock" in line]


def test_one_that_does_not_end_is_ended_with_its_unit(site: Site, machine: Recorded) -> None:
    def late(argv: Any) -> Done:
        machine.clock += before.LIMIT
        return Done(1, "", "still at it\n")

    machine.answers = {"systemd-run": late}
    with pytest.raises(Failure, match="before-release: slow: should end within 1800 s"):
        before.run(site, machine, slot="green", commands=["slow"], writable=[])
    assert "--property=RuntimeMaxSec=1800 " in machine.ran[0]
