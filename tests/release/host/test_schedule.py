"""Scheduled jobs: on one machine, in a stated zone, each with one release's files, never two at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import schedule, tidy
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from release.host.agent.state import Running, State, load, locked_state
from release.host.agent.switch import commit, flip, revert, settle
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

HOURLY = {"hourly": {"run": "clearsessions --at 5% $X", "at": "hourly"}}
FACTS = {"release": "111111111111-00000000", "schedule": HOURLY, "writable": ["var"]}
TIMER, SERVICE = "gallery-schedule-hourly.timer", "gallery-schedule-hourly.service"
START = f"systemctl start --no-block {TIMER}"


def linked(site: Site) -> None:
    """As systemctl enable leaves it."""
    write(site.units / "timers.target.wants" / TIMER, "")


def put(site: Site, machine: Recorded, **facts: Any) -> None:
    schedule.put_schedule(site, machine, slot="green", facts={**FACTS, **facts}, start=True)


def test_a_job_has_the_files_of_its_release_and_not_of_a_slot(site: Site, machine: Recorded) -> None:
    put(site, machine)
    text = (site.units / SERVICE).read_text()
    assert "WorkingDirectory=/srv/gallery/releases/111111111111-00000000/app\n" in text
    assert "/slots/" not in text
    assert "BindPaths=/var/lib/gallery/writable/var:/srv/gallery/releases/111111111111-00000000/app/var\n" in text
    assert "ExecStart=/usr/bin/python3 -m django clearsessions --at 5%% $$X\n" in text
    assert machine.ran == ["systemctl daemon-reload", f"systemctl --quiet --no-reload enable {TIMER}", START]


def test_times_are_utc_unless_they_say_another_zone(site: Site, machine: Recorded) -> None:
    at = {"daily": "daily UTC", "Mon *-*-* 06:00": "Mon *-*-* 06:00 UTC"}
    kept = ("06:00 Europe/Berlin", "06:00 UTC", "Mon 06:00 America/Argentina/Buenos_Aires")
    assert {text: schedule.in_utc(text) for text in (*at, *kept)} == {**at, **{text: text for text in kept}}
    put(site, machine)
    assert "OnCalendar=hourly UTC\n" in (site.units / TIMER).read_text()


def test_systemd_takes_the_times_as_they_are_written(site: Site) -> None:
    asked = ["systemd-analyze", "calendar", *map(schedule.in_utc, ("hourly", "Mon 06:00", "*-*-01 00/2:30", "06:00"))]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not on PATH")
    assert (done.returncode, done.stdout.count("Normalized form")) == (0, 4), done.stderr


def test_a_run_that_was_missed_is_made_up_for_once(site: Site, machine: Recorded) -> None:
    put(site, machine)
    assert "Persistent=yes\n" in (site.units / TIMER).read_text()


def test_a_job_that_went_leaves_nothing_not_even_a_run_to_make_up_for(site: Site, machine: Recorded) -> None:
    put(site, machine)
    linked(site)
    machine.ran.clear()
    put(site, machine, schedule={})
    assert not list(site.units.glob("gallery-schedule-*"))
    assert machine.ran == [
        f"systemctl disable --now {TIMER}",
        f"systemctl clean --what=state {TIMER}",
        "systemctl daemon-reload",
    ]
    assert not [line for line in machine.ran if SERVICE in line]  # one that runs is left to end


def test_timers_that_are_as_they_should_be_are_only_started(site: Site, machine: Recorded) -> None:
    put(site, machine)
    linked(site)
    machine.ran.clear()
    put(site, machine)
    assert machine.ran == [START]


def committed(site: Site, machine: Recorded, slot: str, release: str, **state: Any) -> Running:
    new = Running(slot, release, "sha256-1", **state)
    facts = {**FACTS, "release": release}
    write(site.release(release) / "release.json", json.dumps(facts))
    flip(site, machine, new, limit=60, edge="# edge\n")
    commit(site, machine, new)
    settle(site, machine)
    return new


def test_a_new_machine_starts_its_jobs_when_visitors_come_to_it(site: Site, machine: Recorded) -> None:
    """Until then they run on the one before it."""
    committed(site, machine, "blue", "111111111111-00000000")
    assert (site.units / TIMER).exists()
    assert START not in machine.ran
    with locked_state(site) as state:
        state.arrived = True
    settle(site, machine)
    assert START in machine.ran


def test_jobs_are_the_leads_alone_also_when_the_lead_changes(site: Site, machine: Recorded) -> None:
    with locked_state(site) as state:
        state.arrived = True
    committed(site, machine, "blue", "111111111111-00000000", lead=False)
    assert not list(site.units.glob("gallery-schedule-*"))
    with locked_state(site) as state:
        assert state.committed
        state.committed = Running("blue", "111111111111-00000000", "sha256-1", lead=True)
    settle(site, machine)
    assert START in machine.ran
    with locked_state(site) as state:
        state.committed = Running("blue", "111111111111-00000000", "sha256-1", lead=False)
    settle(site, machine)
    assert not list(site.units.glob("gallery-schedule-*"))
    assert f"systemctl clean --what=state {TIMER}" in machine.ran


@pytest.fixture
def live(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """A site with a job and visitors; its document."""
    with locked_state(site) as state:
        state.arrived = True
    document = {**wanted, "schedule": HOURLY}
    talk = Driver(machine, driver.Site())
    talk.whole(document, bucket)
    talk.end()
    linked(site)
    machine.ran.clear()
    return document


def test_another_lead_of_the_same_release_takes_the_jobs_over(
    site: Site, machine: Recorded, live: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site(**{"/_slipway/release": (200, live["release"])}))
    talk.say({**live, "lead": False})
    assert talk.hear("done")["notes"] == []
    talk.end()
    assert not list(site.units.glob("gallery-schedule-*"))


def test_no_job_starts_between_the_flip_and_the_commit(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    new = release_of(bucket, "2", schedule=HOURLY)
    seen: list[str] = []

    def started(argv: Sequence[str]) -> Done:
        committed = load(site).committed
        assert committed
        seen.append(f"{committed.release} {committed.release in (site.units / SERVICE).read_text()}")
        return Done(0)

    served: list[str] = []

    def rested(argv: Sequence[str]) -> Done:
        served.append(site.serving())
        return Done(0)

    machine.answers = {START: started, f"systemctl stop {TIMER}": rested, **machine.answers}
    talk = Driver(machine, driver.Site())
    talk.to_ready(new, bucket)
    before, old = len(machine.ran), site.serving()
    seen.clear()
    talk.say({"go": "flip"})
    talk.hear("flipped")
    stopped = machine.ran.index(f"systemctl stop {TIMER}", before)
    armed = next(at for at, line in enumerate(machine.ran) if at >= before and line.startswith("systemd-run"))
    assert armed < stopped, "an agent killed in between would leave no deadline to start them again"
    assert (served[-1], seen) == (old, [])
    talk.say({"go": "commit"})
    talk.hear("done")
    talk.end()
    assert seen == [f"{new['release']} True"]


def test_a_flip_that_comes_to_nothing_lets_the_old_releases_jobs_go_on(
    site: Site, machine: Recorded, live: dict[str, Any], bucket: Path
) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_flipped(release_of(bucket, "2", schedule=HOURLY), bucket)
    machine.ran.clear()
    talk.hang_up()
    assert talk.hear("error")["reverted"]
    talk.end()
    assert START in machine.ran
    assert live["release"] in (site.units / SERVICE).read_text()


def test_who_is_killed_between_commit_and_settling_has_the_deadline_start_the_new_releases_jobs(
    site: Site, machine: Recorded, live: dict[str, Any]
) -> None:
    new = Running("green", "222222222222-00000000", "sha256-2")
    write(site.release(new.release) / "release.json", json.dumps({**FACTS, "release": new.release}))
    flip(site, machine, new, limit=60, edge="# edge\n")
    commit(site, machine, new)
    machine.ran.clear()
    assert revert(site, machine) is None  # the deadline, which a commit leaves armed
    assert machine.ran[-1] == START
    assert new.release in (site.units / SERVICE).read_text()


def test_files_of_a_job_that_runs_are_not_pruned(site: Site, machine: Recorded) -> None:
    releases = [f"{number:012x}-00000000" for number in range(1, 9)]
    for each in releases:
        write(site.release(each) / "release.json", json.dumps({"manifest": {"layers": {"code": f"layer-{each}"}}}))
        (site.layers / f"layer-{each}").mkdir()
    job = f"HOME=/x\0PYTHONPATH=/srv/gallery/releases/{releases[0]}/overlay:/srv/gallery/releases/{releases[0]}/app\0"
    write(site.root / "proc/4711/environ", job)
    machine.answers["systemctl show --value -p MainPID gallery-schedule-*"] = Done(0, "0\n\n4711\n\n4712\n")
    at_work = schedule.at_work(site, machine)
    assert at_work == {releases[0]}
    assert tidy.prune(site, State(history=releases), at_work=at_work) == releases[1:3]
    assert (site.layers / f"layer-{releases[0]}").exists()
    assert tidy.prune(site, State(history=releases)) == [releases[0]]
