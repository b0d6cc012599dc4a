"""Where slipway keeps things on the computer it runs on: one answer for the build and for the driver."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_directory"]


def cache_directory() -> Path:
    """The cache of this user: SLIPWAY_CACHE, else the desktop's convention."""
    if given := os.environ.get("SLIPWAY_CACHE"):
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "slipway"
