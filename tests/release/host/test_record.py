"""What a release leaves behind about itself on its machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import record
from release.host.agent.journal import Journal
from release.host.agent.machine import Done
from release.host.agent.site import Site
from tests.release.host import driver
from tests.release.host.bench import DATABASE, Recorded, parsed
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver, released

HOSTS = ("gallery.example", "www.gallery.example")


def access(ts: float, *, status: int = 200, duration: float = 0.01, host: str = "gallery.example") -> str:
    """A line of Caddy's log, as its JSON format writes it."""
    said = {"level": "info", "ts": ts, "logger": "http.log.access.log0", "msg": "handled request",
            "request": {"method": "GET", "host": host, "uri": "/"}, "duration": duration, "status": status}  # fmt: skip
    return json.dumps(said, separators=(",", ":"))


def seen(machine: Recorded, *lines: str) -> dict[str, Any]:
    machine.answers["journalctl"] = Done(0, "\n".join(lines) + "\n", "")
    return record.requests(machine, HOSTS, begun=1000.0, ended=1010.0)


def test_visitors_during_and_before_are_counted_apart(machine: Recorded) -> None:
    before = [access(900.0 + n, duration=n / 1000) for n in range(1, 100)]
    found = seen(machine, *before, access(1001.0, duration=0.2), access(1002.0, status=503), access(1011.0))
    assert found["inside"] == {"seconds": 10.0, "seen": 2, "failed": 1, "p50": 10.0, "p99": 200.0}
    assert found["outside"] == {"seconds": 300.0, "seen": 99, "failed": 0, "p50": 50.0, "p99": 98.0}
    assert found["whole"]
    assert machine.ran[-1].endswith("--since=@700 --lines=20000")


def test_a_refusal_is_no_failure_and_another_site_nobody_here(machine: Recorded) -> None:
    strangers = (
        access(1001.0, host="shop.example"),
        access(1001.0, status=404),
        access(1002.0, host="gallery.example:443"),
    )
    found = seen(machine, *strangers, "not json", '{"logger":"http.log.access"}', '{"logger":"tls"}')
    assert (found["inside"]["seen"], found["inside"]["failed"]) == (2, 0)


def test_nobody_came(machine: Recorded) -> None:
    found = seen(machine)
    assert found["outside"] == {"seconds": 300.0, "seen": 0, "failed": 0, "p50": None, "p99": None}


def test_a_log_too_long_to_read_says_how_far_it_went(machine: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST", 3)
    found = seen(machine, access(990.0), access(995.0), access(1001.0))
    assert not found["whole"]
    assert found["outside"]["seconds"] == 10.0
    assert found["inside"]["seconds"] == 10.0


def test_secrets_in_a_cause_are_blanked(site: Site, machine: Recorded) -> None:
    journal = Journal(site, machine, release="r")
    made = record.told(
        parsed(), journal, machine, slot="blue", before="holding page", moved=0, migrated=[],
        decided="failed: hush hush", hidden=re.compile("hush"),
    )  # fmt: skip
    assert made["decided"] == "failed: [secret] [secret]"


def test_a_release_tells_its_steps_and_keeps_them_beside_itself(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site())
    told = talk.whole(wanted, bucket)["record"]
    assert talk.end() == 0
    assert told["decided"] == "released"
    names = [step["name"] for step in told["steps"]]
    assert names[:2] == ["fetch", "compile"]
    assert names[-1] == "drain"
    assert {"release", "flipped", "committed"} <= set(told["marks"])
    assert told["bytes"] == sum(path.stat().st_size for path in bucket.iterdir())
    assert json.loads((site.release(wanted["release"]) / record.FILE).read_text()) == told


def test_one_that_failed_says_why(site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]) -> None:
    talk = Driver(machine, driver.Site(**{"/": (500, "")}))
    talk.to_urls(wanted, bucket)
    with pytest.raises(AssertionError):
        talk.hear("ready")
    assert talk.end() == 1
    told = talk.heard[-1]["record"]
    assert told["decided"].startswith("failed: gate: ")
    assert "flipped" not in told["marks"]


def test_configuration_alone_fetches_nothing_and_migrates_nothing(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, wanted, bucket)
    again = release_of(bucket, "1", env={"PLAIN": "2"}, release=f"{wanted['release'][:12]}-89abcdef")
    assert again["artifact"] == wanted["artifact"]
    second = Driver(machine, driver.Site())
    done = second.whole(again, bucket)
    second.end()
    assert done["record"]["bytes"] == 0
    assert "migrate" not in done["phases"]
    assert {"preflight", "gate", "flip"} <= set(done["phases"])
    assert json.loads(site.env("green").read_text())["PLAIN"] == "2"
    assert json.loads(site.env("blue").read_text())["PLAIN"] == "1"


def test_another_login_is_let_in_before_anything_looks_at_the_database(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    machine.answers["psql"] = Done(0, "97\n", "")
    database = {**DATABASE, "user": "app_2", "owner": "app_owner"}
    asked = {**wanted, "database": database, "former_login": {"user": "app", "password": "former"}}
    talk = Driver(machine, driver.Site())
    done = talk.whole(asked, bucket)
    talk.end()
    names = [step["name"] for step in done["record"]["steps"]]
    assert names.index("login") < names.index("preflight")
    users = [env["PGUSER"] for env in machine.envs if "PGUSER" in env]
    assert users[:4] == ["app_2", "doadmin", "app", "app_2"]
    assert "former" not in "".join(machine.ran)
    again = Driver(machine, driver.Site())
    machine.ran.clear()
    again.whole({**asked, "former_login": None, "release": f"{wanted['release'][:12]}-89abcdef"}, bucket)
    again.end()
    assert not any("CREATE ROLE" in text for text in machine.inputs[-len(machine.ran) :])
