"""A machine hands over: says what it has, leaves on the word, and comes back when the address does not move."""

from __future__ import annotations

import json
import os
from io import FileIO
from typing import Any

import pytest

from release.host.agent.hand_over import AWAY, DRAIN, come_back, hand_over
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from release.host.agent.state import locked_state
from release.host.agent.wire import Wire
from tests.release.host.bench import Recorded


@pytest.fixture
def visited(site: Site) -> Site:
    with locked_state(site) as state:
        state.arrived = True
    return site


def talk(machine: Recorded, *said: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """A driver that says all this and hangs up; the code, and what it heard."""
    theirs, ours = os.pipe()
    mine, yours = os.pipe()
    os.write(ours, b"".join(json.dumps(each).encode() + b"\n" for each in said))
    os.close(ours)
    wire = Wire(FileIO(theirs), os.fdopen(yours, "wb"))
    code = hand_over(wire, machine)
    wire.close()
    with os.fdopen(mine, "rb") as heard:
        lines = [json.loads(line) for line in heard]
    wire.ended.wait(timeout=10)
    return code, lines


def test_it_says_what_it_has_and_goes_on_serving(visited: Site, machine: Recorded) -> None:
    machine.answers["runuser"] = Done(0, "c3RvcmU=\n")
    assert talk(machine, {"site": "gallery"}) == (0, [{"arrived": True, "certificates": "c3RvcmU="}])
    assert not machine.told("systemctl")
    assert not machine.told("nft")


def test_a_machine_that_nobody_has_come_to_has_nothing_to_give(site: Site, machine: Recorded) -> None:
    machine.answers["runuser"] = Done(0, "c3RvcmU=\n")
    assert talk(machine, {"site": "gallery"}) == (0, [{"arrived": False, "certificates": ""}])


def test_leaving_in_order(visited: Site, machine: Recorded) -> None:
    machine.answers["is-active caddy"] = Done(3, "inactive\n")
    code, heard = talk(machine, {"site": "gallery"}, {"go": "leave"})
    assert (code, heard[-1]) == (0, {"left": True})
    ran = [line for line in machine.ran if "runuser" not in line]
    assert [line.partition(" --timer-property")[0] for line in ran if "is-active" not in line] == [
        "systemctl stop slipway-come-back-gallery.timer",
        f"systemd-run --quiet --collect --unit=slipway-come-back-gallery --on-active={AWAY + 60:.0f}",
        "systemctl stop gallery-worker@*.service",
        "systemctl show --value -p MainPID gallery-schedule-*.service",
        "systemctl stop slipway-come-back-gallery.timer",
        f"systemd-run --quiet --collect --unit=slipway-come-back-gallery --on-active={AWAY:.0f}",
        "nft -f -",
        "systemctl stop --no-block caddy",
    ]
    assert ran[1].endswith("/usr/local/bin/slipway-agent come-back --site=gallery")
    (rules,) = (text for line, text in zip(machine.ran, machine.inputs, strict=True) if line == "nft -f -")
    assert "tcp dport { 80, 443 } ct state new drop" in rules


def test_a_job_that_runs_is_waited_for_within_the_drain(visited: Site, machine: Recorded) -> None:
    job = "PYTHONPATH=/srv/gallery/releases/111111111111-00000000/app\0"
    write(visited.root / "proc/4711/environ", job)
    machine.answers["-p MainPID gallery-schedule-*"] = Done(0, "4711\n")
    machine.answers["is-active caddy"] = Done(3, "inactive\n")
    talk(machine, {"site": "gallery"}, {"go": "leave"})
    assert 60 <= machine.clock < 62


def test_requests_that_take_long_are_not_waited_out(visited: Site, machine: Recorded) -> None:
    machine.answers["is-active caddy"] = Done(0, "deactivating\n")
    assert talk(machine, {"site": "gallery"}, {"go": "leave"})[1][-1] == {"left": True}
    assert DRAIN <= machine.clock < DRAIN + 1


def test_coming_back(visited: Site, machine: Recorded) -> None:
    come_back(visited, machine)
    assert machine.ran[:2] == ["nft delete table inet slipway-leaving", "systemctl start caddy"]
    assert "systemctl start --no-block gallery-holding.service" in machine.ran


@pytest.fixture
def copied(visited: Site) -> Site:
    """A site whose database is a file that is copied to a bucket."""
    visited.units.mkdir(parents=True, exist_ok=True)
    (visited.units / "gallery-litestream.service").touch()
    return visited


def test_a_machine_that_rests_sends_the_last_writes_and_nothing_after_them(copied: Site, machine: Recorded) -> None:
    talk(machine, {"site": "gallery"}, {"go": "rest"}, {"go": "seal"}, {"go": "leave"})
    stopped = machine.told("systemctl stop")
    last_writer = next(at for at, line in enumerate(stopped) if "gallery-web@*.service" in line)
    assert "gallery-run-*.service" in stopped[last_writer]  # what a person runs there writes too
    assert last_writer < stopped.index("systemctl stop gallery-litestream.service")


def test_a_rest_that_comes_to_nothing_ends(copied: Site, machine: Recorded) -> None:
    _code, heard = talk(machine, {"site": "gallery"}, {"go": "rest"})
    assert heard[-1] == {"rested": True}
    assert "systemctl start gallery-litestream.service" in machine.told("systemctl start")
    assert any("gallery-" in line for line in machine.told("systemctl start --no-block"))


def test_a_sealed_machine_never_serves_again_by_itself(copied: Site, machine: Recorded) -> None:
    machine.answers["is-active caddy"] = Done(3, "inactive\n")
    _code, heard = talk(machine, {"site": "gallery"}, {"go": "rest"}, {"go": "seal"}, {"go": "leave"})
    assert [next(iter(each)) for each in heard[1:]] == ["rested", "sealed", "left"]
    assert not machine.told("systemctl start")
    assert not machine.told("systemd-run")


def test_one_that_is_sealed_stays_so_when_the_driver_goes(copied: Site, machine: Recorded) -> None:
    talk(machine, {"site": "gallery"}, {"go": "rest"}, {"go": "seal"})
    assert not machine.told("systemctl start")
