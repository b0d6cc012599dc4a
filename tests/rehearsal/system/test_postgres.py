"""Clusters of the managed Postgres, as far as they are files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rehearsal import paths
from rehearsal.system import postgres, processes, wiring


def test_a_cluster_that_was_half_removed_is_not_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud may be killed while it removes one: what it has begun with says whether there is one."""
    monkeypatch.setattr(paths, "POSTGRES", tmp_path)
    monkeypatch.setattr(processes, "find", lambda *_: None)
    monkeypatch.setattr(wiring, "remove_service_address", lambda _: None)
    place = tmp_path / "ab-cd"
    place.mkdir()
    (place / "cluster.json").write_text(json.dumps({"host_ip": "198.51.100.9"}))
    assert postgres.known() == ["ab-cd"]

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        postgres.destroy("ab-cd")
    assert postgres.known() == []
    assert place.is_dir()
