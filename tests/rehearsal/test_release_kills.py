"""A release of which something is killed at every step it journals: one more `pulumi up` makes it good."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from tests.rehearsal import kills
from tests.rehearsal.stage import Stage, end_prober

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

URL = "https://staging.example.org"
STEPS = ("fetch", "compile", "packages", "preflight", "grants", "migrate", "static", "start", "gate", "flip")
AFTER = ("flipped", "committed", "drain")
NUMBERS = itertools.count(2)


def test_these_are_the_steps_of_a_release(site: Stage) -> None:
    kills.next_release(site, next(NUMBERS))
    site.up("staging")
    found = dict.fromkeys(kills.journalled(site))
    noted = {"migrated", "arrived"}  # told after their step; by another command
    assert set(found) - noted == {*STEPS, *AFTER}, list(found)


@pytest.mark.parametrize("victim", ["agent", "web", "edge", "machine"])
@pytest.mark.parametrize("step", [*STEPS, *AFTER])
def test_a_kill_leaves_one_release_after_the_same_up(site: Stage, tmp_path: Path, step: str, victim: str) -> None:
    before, number = site.outputs("staging")["release"], next(NUMBERS)
    kills.next_release(site, number)
    report, samples = tmp_path / "probe.json", tmp_path / "samples.json"
    options = f"--rate 20 --seconds 900 --timeout 8 --release-path /_slipway/release --out {report} --samples {samples}"
    prober = site.start(f"inside {sys.executable} -m rehearsal.prober {URL}/ {options}")
    watch = kills.Watch(site, step=step, victim=victim)
    try:
        up = kills.up_in_background(site)
        assert watch.reached(), f"{step} was not reached: {up.communicate(timeout=300)[0]}"
        if victim == "machine":
            kills.power_cycle(site)
        said, _ = up.communicate(timeout=600)
        kills.answers(site, URL)
        site.up("staging")
    finally:
        watch.end()
        found = end_prober(prober, report)
    after, machine = site.outputs("staging")["release"], kills.machine(site)
    print(f"{victim} at {step}: up ended with {up.returncode}, {found['failed']} of {found['sent']} failed")
    assert after != before
    assert site.live(URL)["release"] == after, said
    assert f"Edition {number}" in site.page(URL)
    assert machine["state"]["provisional"] is None
    assert machine["state"]["committed"]["release"] == after
    slot = machine["state"]["committed"]["slot"]
    assert machine["link"] == f"/run/slipway-{slot}/web.sock"
    assert machine["web"] == [f"slipway-web@{slot}.service"], "nothing is left of the other"
    assert all(f"@{slot}-" in worker for worker in machine["workers"])
    assert machine["debris"] == []
    # Old, new, and where the new one was not committed old and new once more: never one beside the other.
    assert kills.changes(samples) in ([before, after], [before, after, before, after]), "the site mixed two"
