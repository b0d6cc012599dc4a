"""Whether there is room for a release, asked before anything of it is fetched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FULL", "Disk", "look", "needed", "taken"]

FULL = 0.90  # of a disk, from which on nothing new is brought to it
TIGHT = 0.80  # from which on only the releases stay that have to
# Of a layer's size: its files in whole blocks, their bytecode, the packed file beside them. Measured 1.8 times for
# packages; files that cannot be pressed would take 2.3.
SHARE = 2.5
SPARE = 8 << 20  # for what is small: links, journal, state


@dataclass(frozen=True)
class Disk:
    """What a disk has in bytes and in files, as `df` says it: without what is kept for root."""

    total: int
    free: int
    files: float = 0.0  # the share of its files that is taken

    @property
    def full(self) -> float:
        """The share that is taken."""
        return max(1 - self.free / self.total, self.files) if self.total else 1.0

    def lacks(self, needed: int) -> int:
        """Bytes that would have to be freed so that these fit on it and it is not full."""
        return max(0, needed - self.free, int(self.total * (1 - FULL)) + 1 - self.free)


def look(place: Path) -> Disk:
    """The disk that a directory is on."""
    found = os.statvfs(place)
    taken = found.f_blocks - found.f_bfree
    files = 1 - found.f_favail / found.f_files if found.f_files else 0.0
    return Disk((taken + found.f_bavail) * found.f_frsize, found.f_bavail * found.f_frsize, files)


def needed(sizes: Iterable[int]) -> int:
    """Bytes for new layers of these sizes until they are in place."""
    return int(sum(sizes) * SHARE) + SPARE


def taken(directory: Path) -> int:
    """Bytes that a directory has on its disk."""
    found = (os.lstat(Path(place, name)) for place, _, names in os.walk(directory) for name in names)
    return sum(each.st_blocks * 512 for each in found)
