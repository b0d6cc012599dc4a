"""The login key on disk: as long as it is needed, and not after a killed process either."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from release.ssh import Login


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_behind(temporary: Path, *, seconds: float) -> Path:
    """What a process that was killed leaves, this long ago."""
    directory = temporary / "slipway-login-killed"
    directory.mkdir(mode=0o700)
    (directory / "key").write_text("a key")
    then = directory.stat().st_mtime - seconds
    os.utime(directory, (then, then))
    return directory


def test_is_private_and_goes_with_the_block(temporary: Path) -> None:
    with Login(key="a key", servers=[]):
        (directory,) = temporary.iterdir()
        assert directory.stat().st_mode & 0o777 == 0o700
        assert (directory / "key").stat().st_mode & 0o777 == 0o600
    assert not list(temporary.iterdir())


def test_the_next_login_removes_what_a_killed_one_left(temporary: Path) -> None:
    directory = left_behind(temporary, seconds=3600)
    with Login(key="a key", servers=[]):
        assert not directory.exists()


def test_one_that_is_just_being_made_stays(temporary: Path) -> None:
    directory = left_behind(temporary, seconds=0)
    with Login(key="a key", servers=[]):
        assert directory.exists()


def test_one_that_is_in_use_stays_however_old_it_is(temporary: Path) -> None:
    with Login(key="a key", servers=[]):
        (directory,) = temporary.iterdir()
        os.utime(directory, (0, 0))
        with Login(key="a key", servers=[]):
            assert (directory / "key").exists()


def test_a_link_is_not_followed(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (temporary / "slipway-login-evil").symlink_to(precious)
    os.utime(temporary / "slipway-login-evil", (0, 0), follow_symlinks=False)
    with Login(key="a key", servers=[]):
        assert (precious / "file").exists()
