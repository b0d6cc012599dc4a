"""The clouds a site can live in; the chosen one's file is imported when it is called for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from components.clouds.cloud import Cloud

CLOUDS: Mapping[str, str] = {"digitalocean": "DigitalOcean", "hetzner": "Hetzner"}


def cloud(name: str) -> type[Cloud]:
    """The cloud of this name. Importing all of them at once would cost every run half a second a piece."""
    found: type[Cloud] = getattr(import_module(f"components.clouds.{name}"), CLOUDS[name])
    return found
