"""A site that is not meant for the public: Caddy asks for a password, of which it knows only a hash."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from .failure import Failure
from .machine import Machine
from .site import Site
from .state import load, locked_state

__all__ = ["USER", "hashed", "known"]

USER = "staging"
FACT = "staging_password"


def hashed(site: Site, machine: Machine, password: str) -> str:
    """The password as Caddy is told it; the same as before for the same one, so that Caddy is not reloaded for it.

    bcrypt draws a salt each time. Whether a password is the one that was hashed is seen by a second slow hash, in a
    file that only root reads.
    """
    if not password:
        return ""
    if not password.isprintable() or len(password.encode()) > 72:
        raise Failure("staging-password: should be one line of at most 72 bytes, set another")
    fact = _fact(site)
    if fact and hmac.compare_digest(_slow(password, bytes.fromhex(fact["salt"])), fact["seen"]):
        return str(fact["hash"])
    salt = os.urandom(16)
    done = machine.run(["caddy", "hash-password", "--algorithm", "bcrypt"], check=False, input=f"{password}\n")
    if done.code or not done.out.strip().startswith("$2"):
        raise Failure("staging-password: caddy made no hash of it", detail=done.lines)
    with locked_state(site) as state:
        state.proven[FACT] = {"salt": salt.hex(), "seen": _slow(password, salt), "hash": done.out.strip()}
    return done.out.strip()


def known(site: Site) -> str:
    """The hash of the last password there was."""
    return str(_fact(site).get("hash", ""))


def _fact(site: Site) -> dict[str, Any]:
    return dict(load(site).proven.get(FACT) or {})


def _slow(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1).hex()
