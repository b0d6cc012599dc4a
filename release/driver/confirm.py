"""A flipped server is believed only when its own address has named the new release three times."""

from __future__ import annotations

import time
from collections.abc import Callable

from release.live import Silent, ask_by_address, ask_securely
from release.ssh import Server

__all__ = ["Unconfirmed", "confirm", "secure"]

MATCHES = 3
PAUSE = 0.1
SECURE_LIMIT = 5.0  # Caddy serves a certificate that it holds as soon as it has read its configuration


class Unconfirmed(Exception):
    """The server's address did not name the release; the text says what it answered."""


def confirm(server: Server, *, name: str, release: str, limit: float, between: Callable[[], None]) -> None:
    """Dial until the release has been named three times running; `between` may raise to end it."""
    end, matches, last = time.monotonic() + limit, 0, "no answer"
    while matches < MATCHES:
        if time.monotonic() > end:
            where = f"http://{server.host}/_slipway/release as {name}"
            raise Unconfirmed(f"confirm: {where}: should name {release} within {limit:.0f} s (got {last})")
        between()
        last = _named(server, name=name)
        matches = matches + 1 if last == release else 0
        if matches == 0:
            time.sleep(PAUSE)


def secure(server: Server, *, name: str, release: str) -> list[str]:
    """See a new machine answer over verified HTTPS before visitors come; what to say when it does not."""
    end = time.monotonic() + SECURE_LIMIT
    while True:
        try:
            said = ask_securely(server.host, name=name).release
        except Silent as silent:
            said = str(silent)
        if said == release:
            return []
        if time.monotonic() > end:
            return [f"certificates: {server.name} should answer https://{name} by itself (got {said}), Caddy mends it"]
        time.sleep(PAUSE)


def _named(server: Server, *, name: str) -> str:
    try:
        return ask_by_address(server.host, name=name).release
    except Silent as silent:
        return str(silent)
