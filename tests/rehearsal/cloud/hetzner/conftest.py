"""Hetzner's API on loopback, over a computer made of paper."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.cloud.serving import Server
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.judge import Judge

TOKEN = "local-".ljust(64, "0")


@pytest.fixture
def api(judge: Judge) -> Iterator[Client]:
    """A client of the cloud's Hetzner API, under the eyes of its published description."""
    server = Server(judge, host="127.0.0.1", port=0)
    server.start()
    yield Client(f"http://127.0.0.1:{server.server_port}", token=TOKEN, root="/v1")
    server.shutdown()
    server.server_close()
