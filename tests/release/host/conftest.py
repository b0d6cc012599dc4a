from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import disk
from release.host.agent.machine import Done
from release.host.agent.site import Site
from tests.release.host.bench import Recorded, document_for, pack, site_on


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the disk is on which the tests run."""
    monkeypatch.setattr(disk, "look", lambda place: disk.Disk(total=100 << 30, free=60 << 30))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_on(tmp_path / "machine")


@pytest.fixture
def machine(site: Site) -> Recorded:
    """A machine on which every command succeeds and no migration is missing."""
    alive = Done(0, "ActiveState=active\nNRestarts=0\nResult=success\n")
    django = Done(0, json.dumps({"plan": [], "overrides": [], "applied": []}))
    return Recorded(site.root, {"-p ActiveState": alive, "/usr/bin/python3 - ": django})


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    if not shutil.which("zstd"):
        pytest.skip("zstd is not on PATH")
    directory = tmp_path / "bucket"
    directory.mkdir()
    return directory


@pytest.fixture
def wanted(bucket: Path) -> dict[str, Any]:
    """A first release."""
    return release_of(bucket, "1")


def release_of(bucket: Path, version: str, **changes: Any) -> dict[str, Any]:
    layers = {
        "dependencies": pack({"site-packages/django/__init__.py": ""}, directory=bucket),
        "code": pack({"src/manage.py": f"# {version}\n", "overlay/slipway_wsgi.py": ""}, directory=bucket),
        "static": pack(
            {
                f"static/app.{version:0>12}.css": version,
                "static/app.css": version,
                "static/staticfiles.json": "{}",
            },
            directory=bucket,
        ),
    }
    return document_for(layers, **changes)
