"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.release.cli.desk import Desk, certificate, furnish, serve


@pytest.fixture(scope="session")
def localhost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def desk(tmp_path: Path, localhost: Path) -> Iterator[Desk]:
    furnish(tmp_path)
    desk = Desk(root=tmp_path, certificate=localhost)
    server = serve(desk)
    desk.port = server.server_port
    desk.stack()
    yield desk
    server.shutdown()
    server.server_close()
    assert list((tmp_path / "tmp").iterdir()) == [], "slipway left something behind"
