"""Driver and delivered agent meet: the real protocol on both sides, a scratch tree for a machine."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from release.driver.release_id import release_id
from tests.release.driver.world import HERE, World

DATABASE = None


@functools.cache
def suitable_python() -> str | None:
    """A Python as new as the agent needs, if this computer has one that runs."""
    names = [f"python3.{minor}" for minor in range(13, 20)]
    kept = sorted((Path.home() / ".pyenv/versions").glob("3.1[3-9]*/bin/python3"))
    for candidate in [*map(str, kept), *filter(None, map(shutil.which, names)), sys.executable]:
        check = [candidate, "-c", "import tarfile; tarfile.data_filter"]
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return candidate
    return None


pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(suitable_python() is None, reason="the agent needs Python 3.13; none runs here"),
    pytest.mark.skipif(shutil.which("zstd") is None, reason="the agent needs zstd, which is not here"),
]


@pytest.fixture
def real(world: World) -> World:
    world.agent = str(HERE / "real_agent.py")
    world.python = str(suitable_python())
    world.artifact = world.make_real_artifact()
    return world


def document(world: World, **changes: Any) -> dict[str, Any]:
    return world.document(database=DATABASE, **changes)


def serves(world: World, name: str = "web-1") -> str:
    link = world.root / name / "srv/slipway/run/current.sock"
    slot = Path(os.readlink(link)).parent.name.split("-")[-1]
    return (world.root / name / "srv/slipway/slots" / slot).resolve().name


def release(world: World, **changes: Any) -> Any:
    return world.run("release", world.artifact, document=document(world, **changes))


def story(world: World, **changes: Any) -> None:
    (world.root / "web-1" / "story.json").write_text(json.dumps(changes))


def test_a_first_release_then_another_then_the_same(real: World) -> None:
    real.warm = None  # as the program starts it, to the letter
    server = real.server(plan=["gallery.0001_initial"])
    first = release(real).answer
    assert first["servers"] == {"web-1": "blue"}
    assert first["release"] == serves(real) == release_id(real.artifact, document(real))
    assert first["migrated"] == ["gallery.0001_initial"]
    assert {"fetch", "preflight", "migrate", "start", "gate", "flip", "confirm", "commit", "drain"} <= set(
        first["phases"]
    )
    assert (server / "srv/slipway/slots/blue/src/manage.py").is_file()
    story(real)
    second = release(real, env={"PLAIN": "other"}).answer
    assert second["servers"] == {"web-1": "green"}
    assert serves(real) == second["release"] != first["release"]
    again = release(real, env={"PLAIN": "other"}).answer
    assert (again["release"], again["servers"]) == (second["release"], {"web-1": "green"})


def test_another_key_of_the_source_changes_nothing(real: World) -> None:
    server = real.server()
    first = release(real, source=real.bucket).answer
    commands = (server / "commands.jsonl").read_text()
    again = release(real, source={**real.bucket, "access_key": "rotated"}).answer
    assert (again["release"], again["servers"]) == (first["release"], {"web-1": "blue"})
    assert set(again["phases"]) == {"upload", "connect", "confirm", "commit"}
    since = (server / "commands.jsonl").read_text().removeprefix(commands)
    assert '"start"' not in since
    assert "systemd-run" not in since


def test_two_servers(real: World) -> None:
    real.server("web-1")
    real.server("web-2")
    assert release(real).answer["servers"] == {"web-1": "blue", "web-2": "blue"}


def test_a_failed_migration(real: World) -> None:
    real.server()
    old = release(real).answer["release"]
    story(real, plan=["gallery.0002_x"], migrate_fails="gallery.0002_x: column exists")
    result = release(real, env={"PLAIN": "other"})
    assert result.err.splitlines()[:2] == [
        "release: web-1: migrate: gallery.0002_x: column exists",
        f"web-1: the old release {old} still serves",
    ]
    assert "  Traceback (most recent call last):" in result.err
    assert serves(real) == old


def test_a_gate_that_does_not_pass_on_a_first_release(real: World) -> None:
    real.server(statuses={"/": 500})
    result = release(real)
    assert result.err.splitlines()[:2] == [
        "release: web-1: gate: GET /: should answer below 500 (got 500)",
        "web-1: nothing has been released here before; the holding page (503) still serves",
    ]


def test_schema_ahead_is_said_and_a_corrected_release_needs_no_cleaning(real: World) -> None:
    real.server(plan=["gallery.0001_initial"], statuses={"/": 500})
    assert "web-1: schema ahead by gallery.0001_initial" in release(real).err
    story(real)
    assert release(real).answer["release"] == serves(real)


def test_a_driver_killed_after_the_flip_leaves_the_old_release(real: World) -> None:
    server = real.server()
    old = release(real).answer["release"]
    real.silence()
    process = real.start("release", real.artifact, document=document(real, env={"PLAIN": "x"}, limits={"commit": 50}))
    until(server, '"flipped"', times=2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(server, '"failed"')
    assert serves(real) == old


def test_a_stopped_driver_is_told_that_the_flip_was_taken_back(real: World) -> None:
    server = real.server()
    old = release(real).answer["release"]
    real.silence()
    process = real.start("release", real.artifact, document=document(real, env={"PLAIN": "x"}, limits={"commit": 50}))
    until(server, '"flipped"', times=2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert err.splitlines()[:2] == [
        "release: stopped by SIGTERM",
        f"web-1: the old release {old} serves again (flipped back)",
    ]
    assert serves(real) == old


def test_a_driver_stopped_during_a_migration(real: World) -> None:
    server = real.server(plan=["gallery.0001_initial"], migrate_takes=1)
    process = real.start("release", real.artifact, document=document(real))
    until(server, '"migrate"')
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert "web-1: nothing has been released here before" in err
    assert "web-1: schema ahead by gallery.0001_initial" in err


def test_arrive(real: World) -> None:
    server = real.server()
    release(real)
    arriving = {
        "site": "slipway",
        "environment": "staging",
        "hosts": ["localhost"],
        "servers": real.servers,
        "login_key": real.document()["login_key"],
        "bucket": real.bucket,
        "certificate_key": "certificate-secret",
        "dns": "external",
        "limit": 1,
    }
    answer = real.run("arrive", "127.0.0.1", document=arriving).answer
    assert (answer["dns"], answer["certificate"]) == ("ok", "waiting")
    assert "localhost" in (server / "etc/caddy/sites/slipway.caddy").read_text()


def until(server: Path, event: str, *, times: int = 1, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while sum(path.read_text().count(event) for path in server.glob("var/lib/*/slipway/journal.jsonl")) < times:
        assert time.monotonic() < end, f"the agent's journal never said {event}"
        time.sleep(0.02)
