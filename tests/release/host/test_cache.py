"""The cache of a site: installed like a package, one unit from release to release, gone with its setting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import cache, releases
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site, write
from tests.release.host import driver
from tests.release.host.bench import Recorded, parsed
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver, released

UNIT = "gallery-cache.service"


def installed(site: Site, machine: Recorded) -> None:
    machine.answers["dpkg-query"] = Done(0, "ii ")
    (site.units / "valkey-server.service").symlink_to("/dev/null")
    write(site.units / "multi-user.target.wants" / UNIT, "")


def test_debians_own_server_never_opens_its_port(site: Site, machine: Recorded) -> None:
    cache.keep(site, machine, mib=1024)
    masked = machine.ran.index("systemctl mask valkey-server.service")
    install = next(at for at, line in enumerate(machine.ran) if line.endswith("install valkey-server"))
    started = machine.ran.index(f"systemctl restart {UNIT}")
    assert masked < install < started
    text = (site.units / UNIT).read_text()
    assert "--port 0 --unixsocket /run/gallery-cache/valkey.sock --unixsocketperm 770 --maxmemory 102mb " in text
    assert "User=valkey\nGroup=gallery\n" in text
    assert '--save "" --appendonly no' in text


def test_the_next_release_does_not_touch_it(site: Site, machine: Recorded) -> None:
    cache.keep(site, machine, mib=1024)
    installed(site, machine)
    machine.ran.clear()
    cache.keep(site, machine, mib=1024)
    assert [line for line in machine.ran if not line.startswith("dpkg-query")] == [f"systemctl start {UNIT}"]


def test_one_that_does_not_start_fails_in_its_own_words(site: Site, machine: Recorded) -> None:
    machine.answers["systemctl restart"] = Done(1, "", "Job failed\n")
    machine.answers["journalctl"] = Done(0, "# Can't open the socket\n")
    with pytest.raises(Failure, match="cache: # Can't open the socket"):
        cache.keep(site, machine, mib=1024)


def test_the_site_is_told_where_it_is_and_the_users_own_word_wins(site: Site) -> None:
    env = releases.environment(site, parsed(cache="valkey"), slot="blue", sslmode="")
    assert env["REDIS_URL"] == env["SLIPWAY_VALKEY"] == "unix:///run/gallery-cache/valkey.sock"
    assert env["CELERY_BROKER_URL"] == "redis+socket:///run/gallery-cache/valkey.sock"
    own = releases.environment(
        site, parsed(cache="valkey", secrets={"REDIS_URL": "redis://far"}), slot="blue", sslmode=""
    )
    assert own["REDIS_URL"] == "redis://far"
    assert "REDIS_URL" not in releases.environment(site, parsed(), slot="blue", sslmode="")


def test_it_goes_once_the_release_without_it_stands(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    for document in ({**wanted, "cache": "valkey"}, release_of(bucket, "2")):
        machine.ran.clear()
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        talk.end()
    gone = machine.ran.index(f"systemctl disable --now {UNIT}")
    ended = "systemctl stop gallery-web@blue.service gallery-worker@blue-*.service"
    assert gone > max(at for at, line in enumerate(machine.ran) if line.startswith(ended))
    assert not (site.units / UNIT).exists()
    assert not any("purge" in line or "remove" in line for line in machine.told("apt-get"))


def test_a_release_that_fails_leaves_no_cache_nobody_asked_for(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    talk = Driver(machine, driver.Site(**{"/": (500, "")}))
    talk.to_urls({**wanted, "cache": "valkey"}, bucket)
    talk.hear("error")
    talk.end()
    assert not (site.units / UNIT).exists()


def test_a_release_that_fails_leaves_the_cache_of_the_one_that_serves(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, {**wanted, "cache": "valkey"}, bucket)
    talk = Driver(machine, driver.Site(**{"/": (500, "")}))
    talk.to_urls(release_of(bucket, "2"), bucket)
    talk.hear("error")
    talk.end()
    assert (site.units / UNIT).exists()


def test_a_project_that_cannot_speak_to_it_is_told(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    machine.answers["/usr/bin/python3 - "] = Done(0, json.dumps({"plan": [], "speaks to a cache": False}))
    talk = Driver(machine, driver.Site())
    done = talk.whole({**wanted, "cache": "valkey"}, bucket)
    talk.end()
    assert done["notes"] == ["cache: nothing of this artifact speaks to it, add redis to the project's dependencies"]
