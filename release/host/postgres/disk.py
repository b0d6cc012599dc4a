"""The disk that outlives the machine: found, formatted when it is blank and never otherwise, mounted, grown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..agent.failure import Failure
from ..agent.machine import Machine
from .files import put
from .place import Place

__all__ = ["ensure_disk"]

PATIENCE = 60  # seconds: a disk is attached while its machine boots
UNIT = "srv-postgres.mount"


def ensure_disk(
    place: Place,
    machine: Machine,
    device: str,
    *,
    is_mounted: Callable[[Path], bool] = os.path.ismount,
    exists: Callable[[Path], bool] = os.path.exists,
) -> list[str]:
    """Have the disk at its place; what was done to it. The device's name is the cloud's for this very disk."""
    _await(machine, device, exists)
    done = [] if _filesystem(machine, device) else _format(machine, device)
    if put(place.units / UNIT, "disk.mount", device=device):
        machine.run(["systemctl", "daemon-reload"])
        machine.run(["systemctl", "enable", "--quiet", UNIT])
        done.append("mount")
    if not is_mounted(place.disk):
        machine.run(["systemctl", "start", UNIT])
        if not is_mounted(place.disk):
            raise Failure(f"disk: {device} should be mounted at {place.disk}, see systemctl status {UNIT}")
    if "is already" not in machine.run(["resize2fs", device]).err:
        done.append("grown")
    return done


def _await(machine: Machine, device: str, exists: Callable[[Path], bool]) -> None:
    for _ in range(PATIENCE):
        if exists(machine.root / device.lstrip("/")):
            return
        machine.pause(1)
    raise Failure(f"disk: {device} did not appear within {PATIENCE} s, look whether the volume is attached")


def _filesystem(machine: Machine, device: str) -> bool:
    """Whether our filesystem is on it; anything else that is no blank disk is left alone, in words."""
    done = machine.run(["blkid", "-p", "-o", "export", device], check=False)
    found = dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)
    if done.code == 2 and not found.keys() & {"TYPE", "PTTYPE"}:
        return False
    if done.code == 0 and found.get("TYPE") == "ext4":
        return True
    carries = found.get("TYPE") or found.get("PTTYPE") or "something blkid cannot tell"
    raise Failure(f"disk: {device} should be blank or ext4 (got {carries}), it is left as it is")


def _format(machine: Machine, device: str) -> list[str]:
    machine.run(["mkfs.ext4", "-q", "-m", "1", "-L", "postgres", device])
    return ["formatted"]
