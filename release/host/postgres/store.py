"""A bucket from a machine that has curl and Python's standard library; its key is on no command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ..agent.failure import Failure
from ..agent.machine import Machine

__all__ = ["Store"]

LARGEST = 5 * 10**9  # bytes; more than that no storage takes in one piece
SIGNED = "aws:amz:us-east-1:s3"  # whatever the region: as release/bucket.py
LIMIT = 6 * 3600.0


@dataclass(frozen=True)
class Store:
    """Its name, its place and the key that opens it."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def put(self, machine: Machine, key: str, path: Path) -> None:
        """Upload a file."""
        if (size := path.stat().st_size) > LARGEST:
            raise Failure(f"{key}: should be {LARGEST / 1e9:.0f} GB at most to be kept (got {size / 1e9:.1f} GB)")
        self._curl(machine, f"/{key}", [f'upload-file = "{path}"'])

    def get(self, machine: Machine, key: str, path: Path) -> None:
        """Download a file."""
        self._curl(machine, f"/{key}", [f'output = "{path}"'])

    def keys(self, machine: Machine, prefix: str) -> list[str]:
        """The names that begin so, in their order."""
        found: list[str] = []
        while True:
            after = f"&start-after={found[-1].replace('/', '%2F')}" if found else ""
            told = self._curl(machine, f"/?list-type=2&prefix={prefix}{after}", [])
            found += re.findall(r"<Key>([^<]+)</Key>", told)
            if "<IsTruncated>true" not in told:
                return sorted(found)

    def _curl(self, machine: Machine, path: str, more: Sequence[str]) -> str:
        at = urlsplit(self.endpoint)
        lines = [
            f'url = "{at.scheme}://{self.name}.{at.netloc}{path}"',
            f'user = "{self.access_key}:{self.secret_key}"',
            f'aws-sigv4 = "{SIGNED}"',
            "silent",
            "show-error",
            "fail",
            "retry = 3",
            "connect-timeout = 20",
            *more,
        ]
        done = machine.run(["curl", "--config", "-"], check=False, input="\n".join(lines) + "\n", limit=LIMIT)
        if done.code:
            said = (done.err.strip().splitlines() or ["curl said nothing"])[-1]
            raise Failure(f"bucket {self.name}: {said}")
        return done.out
