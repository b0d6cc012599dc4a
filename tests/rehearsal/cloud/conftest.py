"""The real application on loopback, over a computer made of paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.cloud.app import application, open_cloud
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.serving import Server
from rehearsal.cloud.web import Traffic
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


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
