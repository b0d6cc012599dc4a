"""Workers of two releases: the old ones get the time to end what they have begun, beside the web's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.switch import stop
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

WORKERS = {"workers": {"mail": "send"}}
ALIVE = "ActiveState=active\nNRestarts=0\nResult=success\n"


@pytest.fixture
def live(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """A release with a worker, committed in blue."""
    document = {**wanted, **WORKERS}
    talk = Driver(machine, driver.Site())
    talk.whole(document, bucket)
    talk.end()
    machine.ran.clear()
    return document


def test_old_workers_are_told_at_the_commit_and_waited_for_with_the_web(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_ready(release_of(bucket, "2", drain=7, **WORKERS), bucket)
    assert not any("stop" in line and "worker@blue" in line for line in machine.ran)
    talk.say({"go": "flip"})
    talk.hear("flipped")
    talk.say({"go": "commit"})
    talk.hear("committed")
    talk.hear("done")
    talk.end()
    told = machine.ran.index("systemctl stop --no-block gallery-worker@blue-*.service")
    queue = next(at for at, line in enumerate(machine.ran) if line.startswith("ss -xlnH"))
    both = "systemctl stop gallery-web@blue.service gallery-worker@blue-*.service"
    ended = max(at for at, line in enumerate(machine.ran) if line.startswith(both))
    assert told < queue < ended


def test_the_new_release_says_how_long_the_old_ones_workers_have(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    dropin = site.units / "gallery-worker@.service.d/drain.conf"
    assert "TimeoutStopSec=60\n" in dropin.read_text()
    talk = Driver(machine, driver.Site())
    talk.whole(release_of(bucket, "2", drain=300, **WORKERS), bucket)
    talk.end()
    assert "TimeoutStopSec=300\n" in dropin.read_text()


def test_a_worker_that_had_to_be_killed_is_in_the_notes(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    shown = "Id=gallery-web@blue.service\nResult=success\n\nId=gallery-worker@blue-mail.service\nResult=timeout\n"
    machine.answers = {"show -p Id -p Result gallery-web@blue": Done(0, shown), **machine.answers}
    talk = Driver(machine, driver.Site())
    done = talk.whole(release_of(bucket, "2", **WORKERS), bucket)
    talk.end()
    assert done["notes"] == [
        "gallery-worker@blue-mail.service did not end in time and was killed, raise drain or make its jobs shorter"
    ]
    forgotten = "systemctl reset-failed gallery-web@blue.service gallery-worker@blue-*.service"
    shown = "systemctl show -p Id -p Result gallery-web@blue.service gallery-worker@blue-*.service"
    first = {
        each: next(at for at, line in enumerate(machine.ran) if line.startswith(each)) for each in (shown, forgotten)
    }
    assert first[forgotten] > first[shown]


def test_what_ends_in_time_is_not_called_killed(site: Site, machine: Recorded) -> None:
    machine.answers["show -p Id"] = Done(0, "Id=gallery-worker@blue-mail.service\nResult=exit-code\n")
    assert stop(site, machine, "blue") == []


def test_a_worker_that_dies_leaves_the_old_release_and_its_workers(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    machine.answers = {
        "gallery-worker@green-mail": Done(0, "ActiveState=failed\nNRestarts=0\nResult=exit-code\n"),
        "journalctl": Done(0, "Traceback (most recent call last):\n  File x\nKeyError: 'QUEUE'\n"),
        **machine.answers,
    }
    talk = Driver(machine, driver.Site())
    talk.to_urls(release_of(bucket, "2", **WORKERS), bucket)
    error = talk.hear("error")
    assert talk.end() == 1
    assert error["error"].startswith("gate: KeyError: 'QUEUE' (gallery-worker@green-mail.service does not stay up")
    assert (error["detail"][-1], error["serves"]) == ("KeyError: 'QUEUE'", live["release"])
    assert site.serving() == "blue"
    assert not any("stop" in line and "@blue" in line for line in machine.ran)
    assert "systemctl stop gallery-web@green.service gallery-worker@green-*.service" in machine.ran


def test_a_worker_that_dies_while_other_servers_get_ready_is_seen_before_the_flip(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_ready(release_of(bucket, "2", **WORKERS), bucket)
    machine.answers["-p ActiveState"] = Done(0, "ActiveState=activating\nNRestarts=1\nResult=exit-code\n")
    talk.say({"go": "flip"})
    error = talk.hear("error")
    talk.end()
    assert "gallery-worker@green-mail.service does not stay up" in error["error"]
    assert (error["reverted"], site.serving()) == (False, "blue")
