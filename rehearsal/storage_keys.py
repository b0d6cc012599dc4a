"""Keys for Hetzner's object storage: its console hands them out, no API does, so the rehearsal's account has them.

One is the program's, each environment gets one for its servers; each opens every bucket of the project until a policy
says otherwise.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = 12000001  # the number a project has at Hetzner; policies name keys by it
FILE: Final = "storage-keys.json"
_UPPER = string.ascii_uppercase + string.digits
_MIXED = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One key for object storage."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The program's pair, and the one that an environment's servers get."""

    program: Pair
    site: Pair


def pairs(state: Path, stack: str = "staging") -> Pairs:
    """Give the pairs of an environment of the rehearsal in a state directory; whoever asks first makes them."""
    with _locked(state) as kept:
        program = kept.setdefault("program", _pair())
        site = kept.setdefault("sites", {}).setdefault(stack, _pair())
    return Pairs(program=Pair(**program), site=Pair(**site))


def secret(state: Path, access_key: str) -> str | None:
    """Give the secret of a key, None for a key that nobody has."""
    with _locked(state) as kept:
        known = [kept["program"], *kept["sites"].values()] if kept else []
    return next((pair["secret_key"] for pair in known if pair["access_key"] == access_key), None)


def settings(state: Path, stack: str = "staging") -> dict[str, str]:
    """Give them as a stack file's settings (all of them secrets)."""
    found = pairs(state, stack)
    return {
        "storage-access-key": found.program.access_key,
        "storage-secret-key": found.program.secret_key,
        "storage-site-access-key": found.site.access_key,
        "storage-site-secret-key": found.site.secret_key,
    }


@contextmanager
def _locked(state: Path) -> Iterator[dict[str, Any]]:
    """What is kept, for one process at a time; what was added is written."""
    file = os.open(state / FILE, os.O_RDWR | os.O_CREAT, 0o600)  # its owner's from its first byte
    with os.fdopen(file, "r+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        before = opened.read()
        kept: dict[str, Any] = json.loads(before or "{}")
        yield kept
        if (after := json.dumps(kept)) != (before or "{}"):
            opened.seek(0)
            opened.write(after)  # it only grows


def _pair() -> dict[str, str]:
    return {
        "access_key": "".join(secrets.choice(_UPPER) for _ in range(20)),
        "secret_key": "".join(secrets.choice(_MIXED) for _ in range(40)),
    }
