"""The cache of roots: complete or not there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rehearsal import paths
from rehearsal.system import host, roots


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    return tmp_path


def fill(place: Path) -> None:
    (place / "file").write_text("there")


def test_a_root_is_built_once(cache: Path) -> None:
    place = roots._cached("machine", "abc", fill)
    assert place == cache / "roots/machine-abc"
    assert roots._cached("machine", "abc", lambda place: pytest.fail("built again")) == place


def test_a_build_that_breaks_off_leaves_nothing_that_is_taken_for_a_root(cache: Path) -> None:
    def broken(place: Path) -> None:
        fill(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roots._cached("machine", "abc", broken)
    roots._cached("machine", "abc", fill)
    assert sorted(file.name for file in (cache / "roots").iterdir()) == [".machine.lock", "machine-abc"]


def test_roots_that_nobody_used_for_a_month_go_when_another_is_built(cache: Path) -> None:
    old, young = (roots._cached("machine", digest, fill) for digest in ("old", "young"))
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    roots._cached("machine", "new", fill)
    assert not old.exists()
    assert young.exists()


def test_another_mirror_is_another_root(monkeypatch: pytest.MonkeyPatch) -> None:
    before = roots._digest("recipe")
    monkeypatch.setattr(host, "debian_sources", lambda release: ["deb http://mirror.example/debian trixie main"])
    assert roots._digest("recipe") != before
