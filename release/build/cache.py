"""The builder's cache: what is in it is named by content, written once, and safe to share between processes."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.places import cache_directory

ABANDONED = 24 * 3600  # seconds after which a scratch directory belongs to a build that was killed


@dataclass(frozen=True)
class Cache:
    """A directory of layers, manifests and everything a second build need not do again."""

    root: Path

    def path(self, *, kind: str, name: str) -> Path:
        return self.root / kind / name

    def read(self, *, kind: str, key: str) -> Any:
        try:
            return json.loads(self.path(kind=kind, name=f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, *, kind: str, key: str, value: Any) -> None:
        self.put(kind=kind, name=f"{key}.json", content=canonical(value))

    def put(self, *, kind: str, name: str, content: bytes) -> Path:
        """Write a file so that nobody ever sees half of it."""
        target = self.path(kind=kind, name=name)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
        return target

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory on the cache's own disk that is gone afterwards."""
        parent = self.root / "work"
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.iterdir():
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(dir=parent))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One process at a time for the same work; different work goes on beside it."""
        path = self.path(kind="locks", name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def default_cache() -> Cache:
    """The cache of this user: SLIPWAY_CACHE, else the desktop's convention."""
    return Cache(root=cache_directory())


def canonical(value: Any) -> bytes:
    """JSON with one spelling only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogateescape")
