"""A release that comes back: its database is asked again, its own Django is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import load, locked_state
from tests.release.host import driver
from tests.release.host.bench import DATABASE, Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

# As Django tells it, and as psql does.
DJANGOS = {"shop.0001_initial": "2026-01-01T10:00:00.000500+00:00"}
FOUND = {"known": ["shop.0001_initial"], "uses": {"shop_order": ["id", "note"]}, "applied": DJANGOS, "plan": []}
NOW = {"shop.0001_initial": "2026-01-01T10:00:00.000500+00:00"}
LATER = {**NOW, "shop.0002_drop": "2026-01-02T10:00:00.000000+00:00"}
DROP = {"shop.0002_drop": [["destroys", "drops the column shop_order.note", "shop_order.note"]]}
Back = Callable[..., Driver]


@pytest.fixture
def first(bucket: Path) -> dict[str, Any]:
    return release_of(bucket, "1", database=DATABASE, protect=True)


@pytest.fixture
def back(machine: Recorded, bucket: Path, first: dict[str, Any]) -> Back:
    """The first release once more, when a second one has served; the site's answers to what it is asked."""
    for document in (first, release_of(bucket, "2", database=DATABASE, protect=True)):
        _say(machine, NOW)
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        assert talk.end() == 0

    def run(answers: driver.Site | None = None, *, applied: Mapping[str, str] | None = NOW, **changes: Any) -> Driver:
        machine.ran.clear()
        _say(machine, applied)
        talk = Driver(machine, answers or driver.Site())
        try:
            talk.whole({**first, **changes}, bucket)
        except AssertionError:
            assert "error" in talk.heard[-1], talk.heard
        talk.end()
        return talk

    return run


def _say(machine: Recorded, applied: Mapping[str, str] | None, found: Mapping[str, Any] = FOUND) -> None:
    """What psql tells of the database, where it has that table, and the site's own Django."""

    def psql(_: Sequence[str]) -> Done:
        if "django_migrations" not in machine.inputs[-1]:
            return Done(0, "22\n")
        if applied is None:
            return Done(3, "", 'psql:<stdin>:1: ERROR:  relation "django_migrations" does not exist\n')
        return Done(0, "".join(f" {name} {at}\n" for name, at in applied.items()))

    machine.answers["psql"] = psql
    machine.answers["/usr/bin/python3 - "] = Done(0, json.dumps(found))


def asked_django(machine: Recorded) -> bool:
    return any(line.endswith(" preflight") for line in machine.told("systemd-run"))


def test_its_database_alone_is_asked(site: Site, machine: Recorded, back: Back, first: dict[str, Any]) -> None:
    talk = back()
    assert not asked_django(machine)
    committed = load(site).committed
    assert committed
    assert committed.release == first["release"]
    assert talk.heard[-1]["record"]["bytes"] == 0


def test_a_first_release_notes_what_it_has_migrated(
    site: Site, machine: Recorded, bucket: Path, first: dict[str, Any]
) -> None:
    _say(machine, NOW, {**FOUND, "applied": {}, "plan": [*NOW]})
    preflight = machine.answers["/usr/bin/python3 - "]
    assert isinstance(preflight, Done)
    migrate = Done(0, json.dumps({"applied": [*NOW], "database": DJANGOS}))
    machine.answers["/usr/bin/python3 - "] = lambda argv: migrate if argv[-1] == "migrate" else preflight
    talk = Driver(machine, driver.Site())
    talk.whole(first, bucket)
    assert talk.end() == 0
    noted = json.loads((site.release(first["release"]) / "schema.json").read_text())
    assert noted == {**FOUND, "applied": DJANGOS, "plan": []}


def test_its_gate_asks_all_but_warms_up_nothing(back: Back) -> None:
    answers = driver.Site(**{"/healthz": (200, "")})
    back(answers, health="/healthz")
    gate = [asked.partition("gallery.example")[2] for asked in answers.asked]
    assert gate == ["/_slipway/ready"] * 3 + ["/", "/healthz"]


def test_its_gate_still_refuses(site: Site, back: Back) -> None:
    talk = back(driver.Site(**{"/": (500, "")}))
    assert "should answer below 500" in talk.heard[-1]["error"]
    assert site.serving() == "green"


def test_it_keeps_what_it_has_noted(site: Site, machine: Recorded, back: Back) -> None:
    back()
    back(applied=LATER)
    assert not asked_django(machine), "a third time as the second"


def test_a_destructive_migration_refuses_it_before_anything_starts(
    site: Site, machine: Recorded, back: Back, first: dict[str, Any]
) -> None:
    (site.state / "migrations.json").write_text(json.dumps(DROP))
    talk = back(applied=LATER)
    assert not asked_django(machine)
    assert talk.heard[-1]["error"].startswith("migrations: should fit the database, which is ahead of this release by")
    assert "drops the column shop_order.note" in talk.heard[-1]["error"]
    assert not machine.told("systemctl start")
    assert site.serving() == "green"


@pytest.mark.parametrize(
    "applied",
    [
        None,
        {},
        {"shop.0001_initial": "2026-01-01T10:00:00.000501+00:00"},
        {"shop.0001_initial": "yesterday"},
        {"other.0001_initial": NOW["shop.0001_initial"]},
    ],
    ids=["no table", "an empty one", "another time", "no time", "another migration"],
)
def test_a_database_that_is_not_the_one_it_had_is_djangos_to_look_at(
    machine: Recorded, back: Back, applied: Mapping[str, str] | None
) -> None:
    back(applied=applied)
    assert asked_django(machine)


def test_a_migration_of_its_own_that_is_gone_is_djangos_to_plan(site: Site, machine: Recorded, back: Back) -> None:
    for noted in site.releases.glob("*/schema.json"):
        noted.write_text(json.dumps({**json.loads(noted.read_text()), "plan": ["shop.0002_more"]}))
    back(applied=NOW)
    assert asked_django(machine)


def test_one_that_has_never_served_is_looked_at_whole(site: Site, machine: Recorded, back: Back) -> None:
    with locked_state(site) as state:
        state.history = state.history[-1:]
    back()
    assert asked_django(machine)


def test_one_noted_by_an_older_agent_is_looked_at_whole(site: Site, machine: Recorded, back: Back) -> None:
    for noted in site.releases.glob("*/schema.json"):
        noted.write_text(json.dumps({name: FOUND[name] for name in ("known", "uses")}))
    back()
    assert asked_django(machine)


def test_times_without_a_zone_say_nothing(machine: Recorded, site: Site, back: Back) -> None:
    for noted in site.releases.glob("*/schema.json"):
        noted.write_text(json.dumps({**FOUND, "applied": {"shop.0001_initial": "2026-01-01T10:00:00.000500"}}))
    back()
    assert asked_django(machine)
