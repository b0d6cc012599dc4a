"""Volumes where no machine and no root is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal import paths
from rehearsal.system import commands, volumes


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "VOLUMES", tmp_path / "volumes")
    monkeypatch.setattr(paths, "MACHINES", tmp_path / "machines")
    return tmp_path


def test_a_volume_takes_no_room_and_is_made_once() -> None:
    volumes.create(1, gigabytes=10, format=None)
    disk = volumes.place(1) / "disk.img"
    found = disk.stat()
    assert (found.st_size, found.st_blocks) == (10 * 1024**3, 0)
    disk.write_bytes(b"precious")
    volumes.create(1, gigabytes=10, format=None)
    assert disk.read_bytes() == b"precious"


def test_a_volume_that_somebody_has_is_refused() -> None:
    volumes.create(1, gigabytes=1, format=None)
    (volumes.place(1) / "volume.json").write_text(json.dumps({"machine": 17, "name": "data", "device": ""}))
    with pytest.raises(volumes.VolumeError, match=r"volumes: 1: should belong to nobody \(got machine 17\)"):
        volumes.attach(1, 18, name="data")


def test_no_loop_device_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> str:
        if "--list" in command:
            return ""
        raise commands.CommandError("losetup: cannot find an unused loop device")

    monkeypatch.setattr(commands, "run", run)
    volumes.create(1, gigabytes=1, format=None)
    with pytest.raises(volumes.VolumeError, match="needs a free loop device on this computer"):
        volumes.attach(1, 17, name="data")
    assert volumes.known()[1]["machine"] is None


def test_only_own_devices_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"name": "/dev/loop0", "back-file": f"{paths.VOLUMES}/1/disk.img"},
        {"name": "/dev/loop1", "back-file": f"{paths.VOLUMES}-of-another/1/disk.img"},
        {"name": "/dev/loop2", "back-file": f"{paths.VOLUMES}/2/disk.img (deleted)"},
    ]
    monkeypatch.setattr(commands, "run", lambda command: json.dumps({"loopdevices": rows}))
    assert volumes.devices() == ["/dev/loop0", "/dev/loop2"]


def test_a_format_without_its_program_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(volumes.VolumeError, match=r"format xfs: needs mkfs.xfs on this computer"):
        volumes.create(1, gigabytes=1, format="xfs")
    assert volumes.known() == {}


def test_mount_points_are_found_by_device() -> None:
    lines = "1 2 7:3 / /srv/my\\040data rw - ext4 /dev/loop3 rw\n3 4 254:0 / / rw - ext4 /dev/vda rw\n"
    assert volumes.mounted(lines, "7:3") == ["/srv/my data"]
