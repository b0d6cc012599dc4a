"""Flip, commit, the way back, and what a boot makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from release.host.agent.state import Running, load
from release.host.agent.switch import commit, flip, reconcile, revert, settle
from tests.release.host.bench import Recorded

BLUE = Running("blue", "111111111111-00000000", "sha256-1")
GREEN = Running("green", "222222222222-00000000", "sha256-2", ("mail",))


def flipped(site: Site, machine: Recorded, new: Running) -> None:
    write(site.release(new.release) / "release.json", json.dumps({"schedule": {}, "writable": []}))
    flip(site, machine, new, limit=60, edge=f"# {new.release}\n")


def test_the_deadline_is_armed_before_the_link_moves(site: Site, machine: Recorded) -> None:
    seen: list[str] = []

    def arm(argv: Sequence[str]) -> Done:
        seen.append(site.serving())
        return Done(0)

    machine.answers["systemd-run"] = arm
    flipped(site, machine, BLUE)
    assert (seen, site.serving()) == (["holding"], "blue")
    assert "--on-active=60" in machine.told("systemd-run")[0]
    assert "revert --site=gallery" in machine.told("systemd-run")[0]


def test_what_is_committed_is_settled_and_then_disarmed(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    assert commit(site, machine, BLUE) is None
    settle(site, machine)
    assert machine.ran[-1] == "systemctl stop slipway-deadline-gallery.timer"
    assert revert(site, machine) is None
    assert site.serving() == "blue"


def test_the_way_back_is_the_old_slot_and_the_old_edge(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    commit(site, machine, BLUE)
    flipped(site, machine, GREEN)
    machine.ran.clear()
    assert revert(site, machine) == GREEN
    assert revert(site, machine) is None
    assert site.serving() == "blue"
    assert site.caddy.read_text() == f"# {BLUE.release}\n"
    assert machine.ran[0] == "systemctl start gallery-web@blue.service"
    assert "systemctl stop gallery-web@green.service gallery-worker@green-*.service" in machine.ran


def test_a_way_back_that_was_cut_off_is_gone_to_its_end(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    commit(site, machine, BLUE)
    flipped(site, machine, GREEN)

    def killed(argv: Sequence[str]) -> Done:
        raise KeyboardInterrupt

    machine.answers["try-reload-or-restart"] = killed
    with pytest.raises(KeyboardInterrupt):
        revert(site, machine)
    assert load(site).provisional == GREEN
    del machine.answers["try-reload-or-restart"]
    machine.ran.clear()
    reconcile(site, machine)
    assert (site.serving(), load(site).provisional) == ("blue", None)
    assert site.caddy.read_text() == f"# {BLUE.release}\n"
    assert "systemctl try-reload-or-restart caddy" in machine.ran


def test_an_edge_that_caddy_refuses_does_not_hold_up_the_way_back(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    machine.answers["caddy validate"] = Done(1, "", "no\n")
    assert revert(site, machine) == BLUE
    assert (site.serving(), load(site).provisional) == ("holding", None)
    assert '"event": "edge not put back", "cause": "caddy: no"' in (site.state / "journal.jsonl").read_text()


def test_an_edge_that_a_crash_left_behind_is_not_gone_back_to(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    commit(site, machine, BLUE)
    write(site.state / "before.caddy", "# of long ago\n")
    flip(site, machine, GREEN, limit=60, edge=site.caddy.read_text())
    revert(site, machine)
    assert site.caddy.read_text() == f"# {BLUE.release}\n"


def test_a_commit_of_what_was_flipped_back_is_refused(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    revert(site, machine)
    with pytest.raises(Failure, match="flipped back"):
        commit(site, machine, BLUE)


def test_a_boot_in_the_middle_goes_back_to_what_is_committed(site: Site, machine: Recorded) -> None:
    flipped(site, machine, BLUE)
    commit(site, machine, BLUE)
    flipped(site, machine, GREEN)
    reconcile(site, machine)
    assert site.serving() == "blue"
    assert load(site).provisional is None
    assert "systemctl start --no-block gallery-web@blue.service" in machine.ran


def test_a_boot_makes_systemd_agree_with_what_is_committed(site: Site, machine: Recorded) -> None:
    flipped(site, machine, GREEN)
    commit(site, machine, GREEN)
    reconcile(site, machine)
    assert (
        "systemctl --quiet --no-reload enable gallery-web@green.service gallery-worker@green-mail.service"
        in machine.ran
    )
    assert "systemctl --quiet --no-reload disable gallery-holding.service" in machine.ran


def test_a_boot_before_any_release_is_the_holding_page(site: Site, machine: Recorded) -> None:
    site.current.unlink()
    reconcile(site, machine)
    assert site.serving() == "holding"
    assert "systemctl start --no-block gallery-holding.service" in machine.ran
