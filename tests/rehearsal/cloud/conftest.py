"""The real application on loopback, over a computer made of paper."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.app import application, open_cloud
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.s3 import profiles
from rehearsal.cloud.s3.front import Front
from rehearsal.cloud.s3.keep import Keep
from rehearsal.cloud.s3.profiles import PROFILES
from rehearsal.cloud.serving import Server, server_tls
from rehearsal.cloud.web import Traffic
from tests.rehearsal.cloud.authority import TestAuthority
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor
from tests.rehearsal.cloud.spaces import Hetzner, Processes, Spaces, empty, free_port


@pytest.fixture
def paper() -> PaperHypervisor:
    """The computer below."""
    return PaperHypervisor()


@pytest.fixture
def cloud(tmp_path: Path, paper: PaperHypervisor) -> Iterator[Cloud]:
    """A new cloud."""
    opened = open_cloud(directory=tmp_path / "state", hypervisor=paper)
    yield opened
    paper.gate.set()
    assert opened.settle(seconds=10)


@pytest.fixture
def judge(cloud: Cloud) -> Iterator[Judge]:
    """The API under the eyes of its published description: a call that is not as published fails the test."""
    traffic = Traffic(cloud.directory / "requests.jsonl")
    judge = Judge(application(cloud, objects=lambda bucket: [], traffic=traffic))
    yield judge
    judge.verdict()


@pytest.fixture
def api(judge: Judge) -> Iterator[Client]:
    """A client of the cloud's API."""
    server = Server(judge, host="127.0.0.1", port=0)
    server.start()
    yield Client(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """What the tests started."""
    found = Processes([])
    yield found
    found.end()


@pytest.fixture(scope="session")
def keep(processes: Processes) -> Keep:
    """One moto for all tests."""
    found = Keep(spawn=processes, port=free_port())
    assert found.ensure([])
    return found


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    """A root of the tests' own."""
    return TestAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def certificate(authority: TestAuthority) -> tuple[str, str]:
    """What the front shows, and its key."""
    return authority.issue([name for profile in PROFILES for name in profile.names])


@pytest.fixture
def front(cloud: Cloud, keep: Keep, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The front of object storage on loopback, found under its real names."""
    found = Front(cloud, keep=keep, traffic=Traffic(cloud.directory / "requests.jsonl"))
    server = Server(found, host="127.0.0.1", port=0, tls=server_tls(*certificate))
    server.start()
    resolve = socket.getaddrinfo

    def named(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        ours = profiles.find(str(host)) is not None
        return resolve("127.0.0.1", server.server_port, *args, **more) if ours else resolve(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", named)
    yield server
    for name in list(cloud.store.state.buckets):
        empty(keep, name)
    server.shutdown()
    server.server_close()


@pytest.fixture
def spaces(front: Server, api: Client, cloud: Cloud, authority: TestAuthority) -> Spaces:
    """Object storage of DigitalOcean."""
    return Spaces(api, cloud, authority.root)


@pytest.fixture
def hetzner(front: Server, cloud: Cloud, authority: TestAuthority) -> Hetzner:
    """Object storage of Hetzner."""
    return Hetzner(cloud, authority.root)
