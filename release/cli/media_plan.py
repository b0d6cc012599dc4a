"""What is to be copied from one set of uploads to another."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from release.cli.progress import Progress
from release.cli.refusal import Refusal

__all__ = ["UNFINISHED", "Entry", "Plan", "checked", "files_in", "planned"]

UNFINISHED = ".slipway-"  # how a file begins that is on its way


@dataclass(frozen=True)
class Entry:
    """A file; the digest is as a bucket tells it, and empty where nobody has told."""

    size: int
    digest: str = ""


@dataclass(frozen=True)
class Plan:
    """Keys with their sizes: those the target lacks, those it has otherwise, those it has alone."""

    new: dict[str, int]
    different: dict[str, int]
    alone: dict[str, int]
    same: int

    def wanted(self, *, overwrite: bool) -> dict[str, int]:
        """What is copied."""
        return {**self.new, **(self.different if overwrite else {})}


def planned(
    *, source: Mapping[str, Entry], target: Mapping[str, Entry], same: Callable[[str], bool], progress: Progress
) -> Plan:
    """Compare; `same` looks into two files, and is asked only where their sizes do not tell."""
    both = [key for key in source if key in target]
    alike = [key for key in both if source[key].size == target[key].size]
    with ThreadPoolExecutor(max_workers=8) as threads:
        found = dict(zip(alike, threads.map(same, alike), strict=True))
    progress.say(f"{len(alike)} files looked into")
    return Plan(
        new={key: entry.size for key, entry in source.items() if key not in target},
        different={key: source[key].size for key in both if not found.get(key)},
        alone={key: entry.size for key, entry in target.items() if key not in source},
        same=sum(found.values()),
    )


def files_in(folder: Path) -> dict[str, Entry]:
    """Every file below a directory by its key; none where there is no directory. Links are not followed."""
    entries: dict[str, Entry] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if path.is_file() and not path.is_symlink() and not name.startswith(UNFINISHED):
                entries[path.relative_to(folder).as_posix()] = Entry(path.stat().st_size)
    return entries


def checked(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Keys that can be files below a directory; a folder's own mark is none, one that leads out of it is refused."""
    found = {key: entry for key, entry in entries.items() if not key.endswith("/")}
    for key in found:
        parts = PurePosixPath(key).parts
        if key.startswith("/") or ".." in parts or "/".join(parts) != key or "\0" in key:
            raise Refusal(f"{key!r}: should be the name of a file below a directory, rename it in the media storage")
    return found
