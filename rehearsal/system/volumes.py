"""Volumes: sparse files on loop devices, given to one machine at a time while it runs, as a cloud's block storage is.

A machine's directory of devices is bound into it as /dev/disk/by-id, so a node made there is seen inside at once and
after every reboot. Taking a volume away from a machine that still has it mounted is what pulling a disk is: its file
system is shut down where it stands, and whoever had files open gets I/O errors.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import cgroups, commands, processes

_DISK = "disk.img"
_LOOP_MAJOR = 7
# From linux/fs.h and fs/ext4/ext4.h; XFS has the same.
_BLKFLSBUF, _SHUTDOWN, _NOTHING_FLUSHED = 0x1261, 0x8004587D, 2
_MAKERS = {"ext4": ["mkfs.ext4", "-q", "-F", "-m", "0"], "xfs": ["mkfs.xfs", "-q", "-f"]}
_GB = 1024**3
_PATIENCE = 10.0


class VolumeError(RuntimeError):
    """A volume cannot be made or given to a machine here"""


def place(volume: int) -> Path:
    """Where a volume is kept."""
    return paths.VOLUMES / str(volume)


def create(volume: int, *, gigabytes: int, format: str | None) -> None:
    """Make a volume, empty or with a file system; one that is there already is left alone."""
    if (place(volume) / "volume.json").exists():
        return
    shutil.rmtree(place(volume), ignore_errors=True)
    place(volume).mkdir(parents=True)
    disk = place(volume) / _DISK
    with disk.open("wb") as file:
        file.truncate(gigabytes * _GB)
    if format:
        _make_file_system(disk, format)
    _remember(volume, None, "")


def _make_file_system(disk: Path, format: str) -> None:
    maker = _MAKERS[format]
    if not shutil.which(maker[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        raise VolumeError(f"volumes: format {format}: needs {maker[0]} on this computer (got none), install it")
    commands.run([*maker, str(disk)])


def resize(volume: int, *, gigabytes: int) -> None:
    """Make a volume larger; the file system on it is its owner's matter."""
    os.truncate(place(volume) / _DISK, gigabytes * _GB)
    if device := _device(volume):
        commands.run(["losetup", "--set-capacity", device])


def attach(volume: int, machine: int, *, name: str) -> None:
    """Give a volume to a machine under /dev/disk/by-id/NAME, also while it runs."""
    holder = known()[volume]["machine"]
    if holder not in (None, machine):
        raise VolumeError(f"volumes: {volume}: should belong to nobody (got machine {holder})")
    _remember(volume, machine, name)
    try:
        plug(machine)
    except Exception:
        _remember(volume, None, "")
        raise


def plug(machine: int) -> None:
    """Give a machine all devices it should have: at an attachment, and before each of its boots."""
    devices = paths.machine(machine) / "devices"
    devices.mkdir(parents=True, exist_ok=True)
    _refuse_nodev(devices)
    for volume, about in known().items():
        if about["machine"] == machine:
            _make_node(devices / about["name"], _loop(volume, about))


def _refuse_nodev(devices: Path) -> None:
    if os.statvfs(devices).f_flag & os.ST_NODEV:
        raise VolumeError(f"volumes: {devices}: needs a file system with devices (got nodev), move the state directory")


def _loop(volume: int, about: dict[str, Any]) -> str:
    """The loop device of a volume in use, made anew where a reboot of the host took it."""
    if there := _device(volume):
        return there
    for forgotten in _loops(place(volume)):  # by whoever was killed before it could write it down
        commands.run(["losetup", "--detach", forgotten], may_fail=True)
    try:
        _ensure_node(commands.run(["losetup", "--find"]).strip())
        device = commands.run(["losetup", "--find", "--show", str(place(volume) / _DISK)]).strip()
    except commands.CommandError as problem:
        raise VolumeError(
            f"volumes: needs a free loop device on this computer (got: {problem}), see losetup -a"
        ) from None
    _remember(volume, about["machine"], about["name"], device)
    return device


def _ensure_node(device: str) -> None:
    if not Path(device).exists():  # a /dev that nobody fills
        number = int(device.removeprefix("/dev/loop"))
        os.mknod(device, 0o600 | stat.S_IFBLK, os.makedev(_LOOP_MAJOR, number))


def _device(volume: int) -> str | None:
    """The loop device that a volume is on; an older one may linger until a machine lets go of it."""
    device = str(known()[volume]["device"])
    return device if device in _loops(place(volume)) else None


def _make_node(node: Path, device: str) -> None:
    number = os.stat(device).st_rdev
    if node.exists() and node.stat().st_rdev == number:
        return
    node.unlink(missing_ok=True)
    os.mknod(node, 0o660 | stat.S_IFBLK, number)


def detach(volume: int) -> None:
    """Take a volume away from its machine, mounted or not; one that nobody has is fine."""
    about = known()[volume]
    machine = about["machine"]
    if machine is None:
        return
    (paths.machine(machine) / "devices" / about["name"]).unlink(missing_ok=True)
    if device := _device(volume):
        _pull(device, machine)
    _remember(volume, None, "")


def _pull(device: str, machine: int) -> None:
    """Let nothing written from here on reach the disk, then let go of the device."""
    if _claimed(device) and not (_shut_down(device, machine) or _let_go(device)):
        raise VolumeError(f"volumes: {device}: should be mounted in machine {machine} (got another holder)")
    with open(device, "rb") as handle:
        fcntl.ioctl(handle, _BLKFLSBUF)
    # One that is still open somewhere is let go by the kernel when that ends.
    commands.run(["losetup", "--detach", device], may_fail=True)


def _claimed(device: str) -> bool:
    """Whether a device is mounted, or held by something like it."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as problem:
        if problem.errno != errno.EBUSY:
            raise
        return True
    return False


def _let_go(device: str) -> bool:
    """A machine that was killed lets go a moment later."""
    return processes.wait_until(lambda: not _claimed(device), limit=_PATIENCE)


def _shut_down(device: str, machine: int) -> bool:
    """End the file system on a device wherever the machine has it mounted; it is one and the same everywhere."""
    number = os.stat(device).st_rdev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    for pid in cgroups.members(f"machine-{machine}"):
        for point in mounted(_mounts(pid), wanted):
            with suppress(OSError):
                _end_file_system(Path(f"/proc/{pid}/root{point}"))
                return True
    return False


def _mounts(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/mountinfo").read_text()
    return ""


def mounted(mounts: str, device: str) -> list[str]:
    """Where a device is mounted, by a process's list of mounts."""
    lines = [line.split() for line in mounts.splitlines()]
    return [_plain(fields[4]) for fields in lines if fields[2] == device]


def _plain(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _end_file_system(point: Path) -> None:
    handle = os.open(point, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _NOTHING_FLUSHED))
    finally:
        os.close(handle)


def release(machine: int) -> None:
    """Take all its volumes away from a machine that is gone; they stay."""
    for volume, about in known().items():
        if about["machine"] == machine:
            detach(volume)


def destroy(volume: int) -> None:
    """Remove a volume with its data; an absent one is fine."""
    if volume in known():
        detach(volume)
    shutil.rmtree(place(volume), ignore_errors=True)


def known() -> dict[int, dict[str, Any]]:
    """All volumes: who has each, by which name, on which device."""
    files = sorted(paths.VOLUMES.glob("*/volume.json"))
    return {int(file.parent.name): json.loads(file.read_text()) for file in files}


def _remember(volume: int, machine: int | None, name: str, device: str = "") -> None:
    about = {"machine": machine, "name": name, "device": device}
    processes.write_json(place(volume) / "volume.json", about)


def devices() -> list[str]:
    """Every loop device of this computer that stands on a file of this rehearsal."""
    return _loops(paths.VOLUMES)


def _loops(below: Path) -> list[str]:
    listed = commands.run(["losetup", "--json", "--list", "--output", "NAME,BACK-FILE"]).strip()
    rows = json.loads(listed)["loopdevices"] if listed else []
    return [row["name"] for row in rows if str(row["back-file"]).startswith(f"{below}/")]


def destroy_devices() -> None:
    """Let go of every device, with or without a record of it; nothing of the rehearsal runs any more."""
    for device in devices():
        commands.run(["losetup", "--detach", device], may_fail=True)
    processes.wait_until(lambda: not devices(), limit=_PATIENCE)
