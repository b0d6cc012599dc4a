"""The certificate authorities that only the rehearsal has, for clients that check certificates for real."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

from rehearsal import paths


def authorities() -> list[Path]:
    """The rehearsal's own root and Pebble's, as far as they exist yet."""
    return [file for file in (paths.CA, paths.PEBBLE_ROOTS) if file.exists()]


def context(files: Iterable[Path]) -> ssl.SSLContext:
    """A client's TLS with verification, trusting these PEM files besides the computer's own list."""
    made = ssl.create_default_context()
    for file in files:
        made.load_verify_locations(file)
    return made
