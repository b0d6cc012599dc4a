"""The whole conversation: agent and a driver over pipes, on a machine that only writes down."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.journal import Journal
from release.host.agent.lock import held
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import load, locked_state
from tests.release.host import driver
from tests.release.host.bench import DATABASE, Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver, released

OTHERS = ("web@green", "worker@green-*", "holding", "worker@holding-*")


def journal(site: Site) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (site.state / "journal.jsonl").read_text().splitlines()]


def test_a_first_release(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> None:
    talk = Driver(machine, driver.Site())
    done = talk.whole(wanted, bucket)
    assert talk.end() == 0
    assert set(done["phases"]) == {
        *("fetch", "compile", "packages", "preflight", "static", "start", "gate"),
        *("certificates", "flip", "drain"),
    }
    assert site.serving() == "blue"
    state = load(site)
    assert state.committed
    assert state.committed.release == wanted["release"]
    assert state.provisional is None
    assert (site.slot("blue") / "src/manage.py").read_text() == "# 1\n"
    assert machine.told("systemctl stop gallery-holding.service")


def test_the_next_release_takes_the_other_slot(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, wanted, bucket)
    machine.ran.clear()
    second = Driver(machine, driver.Site())
    second.whole(release_of(bucket, "2"), bucket)
    second.end()
    assert site.serving() == "green"
    needed = next(m["need"] for m in second.heard if "need" in m)
    assert len(needed) == 2  # the dependencies are there
    assert machine.told("systemctl stop gallery-web@blue.service")
    assert (site.static / "app.000000000001.css").read_text() == "1"
    assert (site.static / "app.000000000002.css").read_text() == "2"
    assert (site.static / "app.css").read_text() == "2"
    assert not (site.static / "staticfiles.json").exists()
    assert not machine.told("caddy validate")  # a code release is none of Caddy's business


def test_what_serves_already_is_left_alone(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> None:
    released(machine, wanted, bucket)
    links = site.units / "multi-user.target.wants"
    (links / "gallery-holding.service").rename(links / "gallery-web@blue.service")  # systemctl enable, disable
    machine.ran.clear()
    again = Driver(machine, driver.Site(**{"/_slipway/release": (200, wanted["release"])}))
    again.say(wanted)
    assert again.hear("done")["slot"] == "blue"
    assert again.end() == 0
    others = " ".join(f"gallery-{unit}.service" for unit in OTHERS)
    assert machine.ran == [
        "systemctl stop slipway-deadline-gallery.timer",
        f"systemctl stop {others}",
        f"systemctl show -p Id -p Result {others}",
        f"systemctl reset-failed {others}",
    ]


def test_what_a_killed_agent_has_left_undone_is_done_by_the_next(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly = {"schedule": {"hourly": {"run": "clearsessions", "at": "hourly"}}}
    new = release_of(bucket, "2", **hourly)
    with locked_state(site) as state:
        state.arrived = True
    for document in ({**wanted, **hourly}, new):
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        talk.end()
        monkeypatch.setattr("release.host.agent.release.tidy_up", lambda *_: None)
    timer = site.units / "gallery-schedule-hourly.service"
    assert (wanted["release"] in timer.read_text(), (site.static / "app.css").read_text()) == (True, "1")
    machine.ran.clear()
    again = Driver(machine, driver.Site(**{"/_slipway/release": (200, new["release"])}))
    again.say(new)
    assert again.hear("done")["notes"] == []
    again.end()
    assert (new["release"] in timer.read_text(), (site.static / "app.css").read_text()) == (True, "2")
    assert "systemctl start --no-block gallery-schedule-hourly.timer" in machine.ran
    assert any("gallery-web@blue.service" in line for line in machine.told("systemctl stop"))


def test_a_link_that_a_hand_moved_is_moved_back_and_what_it_led_to_stopped(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    for document in (wanted, release_of(bucket, "2")):
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        talk.end()
    site.current.unlink()
    site.current.symlink_to("/run/gallery-blue/web.sock")
    machine.ran.clear()
    again = Driver(machine, driver.Site())
    again.whole(release_of(bucket, "2"), bucket)
    again.end()
    assert site.serving() == "green"
    assert any("gallery-web@blue.service" in line for line in machine.told("systemctl stop"))
    started = machine.ran.index("systemctl start gallery-web@green.service")
    assert not any("systemctl stop" in line and "web@green" in line for line in machine.ran[started:])


def test_a_preflight_that_fails_changes_nothing(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    said = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'x'\n"
    machine.answers["/usr/bin/python3 - "] = Done(1, "", said)
    talk = Driver(machine, driver.Site())
    talk.to_urls(wanted, bucket)
    error = talk.hear("error")
    assert talk.end() == 1
    assert error["error"] == "preflight: ModuleNotFoundError: No module named 'x'"
    assert error["detail"][-1] == "ModuleNotFoundError: No module named 'x'"
    assert error["serves"] == "holding page"
    assert site.serving() == "holding"
    assert not machine.told("systemctl start")


def test_a_migration_that_fails_says_what_is_ahead(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    def django(argv: Any) -> Done:
        if argv[-1] == "preflight":
            return Done(0, json.dumps({"plan": ["gallery.0001", "gallery.0002"]}))
        return Done(1, json.dumps({"applied": ["gallery.0001"], "cause": "ValueError: no"}))

    machine.answers["/usr/bin/python3 - "] = django
    talk = Driver(machine, driver.Site())
    talk.to_urls(wanted, bucket)
    error = talk.hear("error")
    talk.end()
    assert (error["error"], error["ahead"]) == ("migrate: ValueError: no", ["gallery.0001"])


def test_a_page_that_answers_500_is_not_let_through(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    said = "ERROR django.request: /\nTraceback (most recent call last):\n  File x\nKeyError: 'broken'\n"
    machine.answers["journalctl"] = Done(0, said)
    talk = Driver(machine, driver.Site(**{"/": (500, "")}))
    talk.to_urls(wanted, bucket)
    error = talk.hear("error")
    talk.end()
    assert error["error"] == "gate: KeyError: 'broken' (GET /: should answer below 500 (got 500))"
    assert machine.told("systemctl stop gallery-web@blue.service")
    assert site.serving() == "holding"


def test_a_driver_that_hangs_up_before_the_flip_leaves_the_old_release(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_ready(wanted, bucket)
    talk.hang_up()
    assert talk.hear("error")["aborted"]
    assert talk.end() == 1
    assert site.serving() == "holding"


def test_a_driver_that_hangs_up_after_the_flip_has_it_flipped_back(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_flipped(wanted, bucket)
    assert site.serving() == "blue"
    assert load(site).provisional
    assert any("slipway-deadline-gallery" in line for line in machine.told("systemd-run"))
    talk.hang_up()
    error = talk.hear("error")
    assert (error["reverted"], error["serves"]) == (True, "holding page")
    talk.end()
    assert site.serving() == "holding"
    assert load(site).provisional is None
    assert site.caddy.read_text() == "# holding\n"
    assert "reverted" in [line["event"] for line in journal(site)]


def test_a_driver_that_is_gone_after_the_commit_leaves_no_old_slot(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, wanted, bucket)
    old = site.serving()
    talk = Driver(machine, driver.Site())
    talk.to_flipped(release_of(bucket, "2"), bucket)
    machine.ran.clear()
    talk.say({"go": "commit"})
    talk.hang_up()
    talk.end()
    assert [line for line in machine.ran if line.startswith(f"systemctl stop gallery-web@{old}.service")]


def test_trouble_right_after_the_commit_leaves_the_new_release_serving(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    released(machine, wanted, bucket)
    note = Journal.note

    def full(journal: Journal, event: str, **facts: Any) -> None:
        if event == "committed":
            raise OSError(errno.ENOSPC, "No space left on device")
        note(journal, event, **facts)

    monkeypatch.setattr(Journal, "note", full)
    talk = Driver(machine, driver.Site())
    talk.to_flipped(release_of(bucket, "2"), bucket)
    machine.ran.clear()
    talk.say({"go": "commit"})
    talk.hear("committed")
    done = talk.hear("done")
    assert talk.end() == 0
    committed = load(site).committed
    assert committed
    assert committed.slot == site.serving()
    assert not [line for line in machine.ran if line.startswith(f"systemctl stop gallery-web@{committed.slot}")]
    assert any("No space left on device" in each for each in done["notes"]), done


def test_a_driver_that_says_stop_is_obeyed(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> None:
    talk = Driver(machine, driver.Site())
    talk.to_ready(wanted, bucket)
    talk.say({"go": "abort"})
    assert talk.hear("error")["error"] == "the driver said stop"
    assert talk.end() == 1


def test_a_commit_after_the_deadline_is_refused(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    from release.host.agent.switch import revert

    talk = Driver(machine, driver.Site())
    talk.to_flipped(wanted, bucket)
    assert revert(site, machine)  # systemd's timer
    talk.say({"go": "commit"})
    assert talk.hear("error")["error"] == "commit: came after the deadline, this machine has flipped back"
    talk.end()
    assert site.serving() == "holding"


def test_only_the_lead_migrates_and_grants(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> None:
    machine.answers["/usr/bin/python3 - "] = Done(0, json.dumps({"plan": ["gallery.0001"], "applied": []}))
    talk = Driver(machine, driver.Site())
    talk.whole({**wanted, "lead": False, "database": DATABASE}, bucket)
    talk.end()
    assert not [line for line in machine.told("systemd-run") if line.endswith("migrate")]
    assert not [sql for sql in machine.inputs if "GRANT" in sql]


def test_a_lock_that_is_held_is_named(site: Site, machine: Recorded, wanted: dict[str, Any]) -> None:
    with held(site, machine, by="release 0-0"):
        talk = Driver(machine, driver.Site())
        talk.say(wanted)
        error = talk.hear("error")["error"]
        talk.end()
    assert error.startswith("lock: release 0-0 (process ")
    assert error.endswith("is at work on this machine, wait for it and run pulumi up again")


def test_no_secret_is_written_but_for_the_slot(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site())
    talk.whole({**wanted, "database": DATABASE}, bucket)
    talk.end()
    for path in site.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path != site.env("blue"):
            text = path.read_text()
            assert not any(secret in text for secret in ("hush", "secret-key", "p/w", "admin-pw")), path
    assert site.env("blue").stat().st_mode & 0o777 == 0o600
    assert "admin-pw" not in site.env("blue").read_text()
    assert not any(secret in line for line in machine.ran for secret in ("hush", "secret-key", "p/w", "admin-pw"))


def test_a_layer_that_is_not_what_it_says_is_refused(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    code = wanted["manifest"]["layers"]["code"]
    static = wanted["manifest"]["layers"]["static"]
    (bucket / f"{code}.tar.zst").write_bytes((bucket / f"{static}.tar.zst").read_bytes())
    talk = Driver(machine, driver.Site())
    talk.to_urls(wanted, bucket)
    error = talk.hear("error")["error"]
    talk.end()
    assert error.startswith(f"layer {code[:12]}: is damaged (holds sha256 {static[:12]}), run pulumi up again")
    assert talk.heard[-1]["damaged"] == code
    assert not (site.layers / code).exists()
