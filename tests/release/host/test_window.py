"""Migrations that the release before cannot bear: refused, let through, or run while the holding page serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.history import releases
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import load
from release.host.agent.switch import reconcile
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver

FIRST = {"shop.0001_initial": "2026-01-01T00:00:00"}
DROP = {"shop.0002_drop": [["destroys", "drops the column shop_picture.note", "shop_picture.note"]]}
INDEX = {"shop.0002_drop": [["locks", "builds an index", "shop_picture"]]}
OLD = {"known": [*FIRST], "uses": {"shop_picture": ["id", "note"]}, "plan": [], "applied": FIRST}
NEW = {"known": [*FIRST, *DROP], "uses": {"shop_picture": ["id"]}, "plan": [*DROP], "applied": FIRST}
SECOND = {**FIRST, "shop.0002_drop": "2026-01-02T00:00:00"}
Release = Callable[..., tuple[int, dict[str, Any]]]


class Holding(driver.Site):
    """The holding page answers 503, the slots as a site does."""

    def __call__(self, path: Path, url: str, *, host: str, limit: float) -> tuple[int, str]:
        if path.parent.name.endswith("-holding"):
            return 503, ""
        return super().__call__(path, url, host=host, limit=limit)


@pytest.fixture
def serving(site: Site, machine: Recorded, wanted: dict[str, Any], bucket: Path) -> str:
    """A release that serves and uses a column."""
    _say(machine, preflight=OLD)
    talk = Driver(machine, Holding())
    talk.whole({**wanted, "protect": True}, bucket)
    assert talk.end() == 0
    machine.ran.clear()
    return str(wanted["release"])


@pytest.fixture
def release(machine: Recorded, bucket: Path) -> Release:
    """The next release, and how it ended: its code, and the last word."""

    def run(*, gate: int = 200, **changes: Any) -> tuple[int, dict[str, Any]]:
        talk = Driver(machine, Holding(**{"/": (gate, "")}))
        document = release_of(bucket, "2", **{"release": "0123456789ab-00000002", "protect": True, **changes})
        try:
            last = talk.whole(document, bucket)
        except AssertionError as error:
            last = dict(error.args[0]) if error.args and isinstance(error.args[0], dict) else {}
            last = last or next(each for each in reversed(talk.heard) if "error" in each)
        return talk.end(), last

    return run


def _say(machine: Recorded, **verbs: Any) -> None:
    """What the site's own Django answers to each verb."""

    def django(argv: Sequence[str]) -> Done:
        said = verbs.get(argv[-1], {"applied": []})
        return Done(1 if "cause" in said else 0, json.dumps(said))

    machine.answers["/usr/bin/python3 - "] = django


def migrated(machine: Recorded) -> bool:
    return any(line.endswith(" migrate") for line in machine.told("systemd-run"))


def test_a_drop_of_what_is_used_is_refused_before_anything_runs(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    _say(machine, preflight={**NEW, "findings": DROP})
    code, last = release()
    assert code == 1
    assert last["error"].startswith("migrations: should leave the release that serves working (got shop.0002_drop ")
    assert (last["serves"], last["ahead"]) == (serving, [])
    assert not migrated(machine)


@pytest.mark.parametrize("changes", [{"protect": False}, {"accept_migration": ["shop.0002"]}])
def test_let_through_it_is_told(machine: Recorded, serving: str, release: Release, changes: dict[str, Any]) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]})
    code, last = release(**changes)
    assert code == 0
    assert "breaks the release that serves" in last["notes"][0]
    assert migrated(machine)
    assert not machine.told("systemctl start gallery-holding")


def test_a_first_release_is_never_refused(machine: Recorded, release: Release) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]})
    assert release()[0] == 0


def test_a_new_machine_asks_whether_another_one_serves(machine: Recorded, wanted: Any, bucket: Path) -> None:
    _say(machine, preflight={**NEW, "findings": DROP})
    talk = Driver(machine, Holding())
    talk.predecessor = True
    talk.to_urls({**wanted, "protect": True}, bucket)
    assert talk.hear("error")["error"].startswith("migrations: should leave the release that serves working")
    talk.end()


def test_in_a_window_the_holding_page_serves_while_it_migrates(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    seen: dict[str, Any] = {}

    def django(argv: Sequence[str]) -> Done:
        if argv[-1] == "migrate":
            seen.update(link=site.serving(), window=load(site).window, ran=list(machine.ran))
        return Done(0, json.dumps({**NEW, "findings": DROP} if argv[-1] == "preflight" else {"applied": [*DROP]}))

    machine.answers["/usr/bin/python3 - "] = django
    code, last = release(maintenance=True)
    assert code == 0
    assert (seen["link"], seen["window"]) == ("holding", "0123456789ab-00000002")
    stopped = "systemctl stop gallery-web@blue.service gallery-worker@blue-*.service"
    assert seen["ran"].index("systemctl start gallery-holding.service") < seen["ran"].index(stopped)
    assert "systemctl stop gallery-schedule-*.timer gallery-schedule-*.service" in seen["ran"]
    assert "holding" in last["phases"]
    assert (site.serving(), load(site).window) == ("green", "")
    assert any("gallery-holding.service" in line for line in machine.told("systemctl stop"))


def test_with_nothing_to_migrate_no_window_is_opened(machine: Recorded, serving: str, release: Release) -> None:
    _say(machine, preflight={**NEW, "plan": []})
    assert release(maintenance=True)[0] == 0
    assert not machine.told("systemctl start gallery-holding")


def test_a_window_that_fails_while_the_schema_fits_goes_back(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    fits = {**NEW, "findings": INDEX}
    _say(machine, preflight=fits, migrate={"applied": [*INDEX]}, schema={"applied": SECOND})
    code, last = release(gate=500, maintenance=True)
    assert (code, last["serves"], last.get("held")) == (1, serving, None)
    assert (site.serving(), load(site).window) == ("blue", "")
    assert "systemctl start gallery-web@blue.service" in machine.ran


def test_a_window_that_fails_on_a_changed_schema_keeps_the_holding_page(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]}, schema={"applied": SECOND})
    code, last = release(gate=500, maintenance=True)
    assert (code, last["serves"]) == (1, "holding page")
    assert last["held"] == (
        f"{serving} cannot serve any more: shop.0002_drop drops the column shop_picture.note"
    )  # fmt: skip
    assert (site.serving(), load(site).window) == ("holding", "0123456789ab-00000002")
    machine.ran.clear()
    reconcile(site, machine)  # a reboot
    assert site.serving() == "holding"
    assert machine.ran[0] == "systemctl start --no-block gallery-holding.service"


def test_what_cannot_be_told_keeps_it_too(site: Site, machine: Recorded, serving: str, release: Release) -> None:
    dead = {"cause": "OperationalError: gone"}
    _say(machine, preflight={**NEW, "findings": INDEX}, migrate=dead, schema=dead)
    _, last = release(maintenance=True)
    assert last["held"] == "what the database has become cannot be told (schema: OperationalError: gone)"
    assert site.serving() == "holding"


def test_a_window_that_was_left_open_ends_with_the_next_release(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]}, schema={"applied": SECOND})
    release(gate=500, maintenance=True)
    _say(machine, preflight={**NEW, "plan": [], "applied": SECOND})
    code, _ = release()
    assert code == 0
    assert (site.serving(), load(site).window) == ("green", "")  # never the slot of what waits behind the window


def test_what_the_database_has_left_behind_does_not_come_back(
    site: Site, machine: Recorded, serving: str, release: Release, wanted: dict[str, Any], bucket: Path
) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]})
    assert release(accept_migration=["shop.0002"])[0] == 0
    _say(machine, preflight={**OLD, "applied": SECOND})
    talk = Driver(machine, Holding())
    talk.to_urls({**wanted, "protect": True}, bucket)
    assert talk.hear("error")["error"].startswith(
        "migrations: should fit the database, which is ahead of this release by shop.0002_drop "
    )
    talk.end()
    assert site.serving() == "green"


def test_what_is_kept_says_whether_the_site_could_go_back(
    site: Site, machine: Recorded, serving: str, release: Release
) -> None:
    _say(machine, preflight={**NEW, "findings": INDEX}, migrate={"applied": [*INDEX]}, schema={"applied": SECOND})
    assert release()[0] == 0
    shown = releases(site, machine)["releases"]
    assert [(each["release"], each["state"], each["back"], each["because"]) for each in shown] == [
        ("0123456789ab-00000002", "serving", "", "it serves"),
        (serving, "previous", "yes", ""),
    ]
    assert shown[0]["at"] > shown[1]["at"] > "2026"
    assert shown[1]["artifact"].startswith("sha256-")


def test_and_why_it_cannot(site: Site, machine: Recorded, serving: str, release: Release) -> None:
    _say(machine, preflight={**NEW, "findings": DROP}, migrate={"applied": [*DROP]}, schema={"applied": SECOND})
    release(accept_migration=["shop.0002"])
    _say(machine, preflight={**NEW, "plan": [], "applied": SECOND}, schema={"applied": SECOND})
    release(release="0123456789ab-00000003", gate=500)
    shown = {each["state"]: (each["back"], each["because"]) for each in releases(site, machine)["releases"]}
    assert shown == {
        "serving": ("", "it serves"),
        "previous": ("no", "shop.0002_drop drops the column shop_picture.note"),
        "failed": ("", "it has never served"),
    }
    _say(machine, schema={"cause": "OperationalError: gone"})
    shown = {each["state"]: (each["back"], each["because"]) for each in releases(site, machine)["releases"]}
    assert shown["previous"] == ("cannot tell", "the database could not be asked (schema: OperationalError: gone)")
