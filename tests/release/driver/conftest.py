"""Fixtures of the driver's stories: a world of servers, buckets in a loopback S3."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.release.driver.world import HERE, REPOSITORY, World, client, make_artifact, program

MakeBucket = Callable[[str], dict[str, str]]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a process listens that drivers are forked off."""
    place = tmp_path_factory.mktemp("warm") / "socket"
    command = [sys.executable, "-m", "tests.release.driver.warm", str(place)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPOSITORY, text=True, stdin=pipe, stdout=pipe) as running:
        assert running.stdin
        assert running.stdout
        assert running.stdout.readline() == "ready\n"
        yield place
        running.stdin.close()  # it goes with it; whatever it forked off may still hold its stdout


@pytest.fixture
def world(tmp_path: Path, bucket: dict[str, str], warm: Path) -> Iterator[World]:
    for folder in ("bin", "server-bin", "tmp", "cache/layers", "cache/manifests"):
        (tmp_path / folder).mkdir(parents=True)
    program(tmp_path / "bin" / "ssh", HERE / "fake_ssh.py")
    (tmp_path / "server-bin/sudo").symlink_to(HERE / "fake_sudo.sh")
    world = World(root=tmp_path, bucket=bucket, artifact=make_artifact(tmp_path / "cache"), warm=warm)
    yield world
    world.close()
    assert list((tmp_path / "tmp").iterdir()) == [], "the driver left something behind"


@pytest.fixture
def make_bucket(storage: str, tmp_path: Path) -> MakeBucket:
    def make(name: str) -> dict[str, str]:
        full = f"{name}-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
        given = {"name": full, "region": "fra1", "endpoint": storage, "access_key": "AK", "secret_key": "bucket-secret"}
        client(given).create_bucket(Bucket=full)
        return given

    return make


@pytest.fixture
def bucket(make_bucket: MakeBucket) -> dict[str, str]:
    return make_bucket("releases")
