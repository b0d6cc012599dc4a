"""The Python that runs a slot's code: the machine's own, or the one its release brought."""

from __future__ import annotations

from .site import Site

__all__ = ["OWN", "interpreter", "is_bundled", "search_path"]

OWN = "/usr/bin/python3"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"  # systemd's own


def interpreter(site: Site, slot: str) -> str:
    """By the slot's own path, so that whoever follows the slot follows its Python."""
    return f"/srv/{site.name}/slots/{slot}/python/bin/python3" if is_bundled(site, slot) else OWN


def search_path(site: Site, slot: str) -> dict[str, str]:
    """What a unit's environment has beside it, so that `python3` means this one in whatever the code starts."""
    return {"PATH": f"/srv/{site.name}/slots/{slot}/python/bin:{PATH}"} if is_bundled(site, slot) else {}


def is_bundled(site: Site, slot: str) -> bool:
    """Whether the release in this slot has a layer with an interpreter."""
    return (site.slot(slot) / "python").is_symlink()
