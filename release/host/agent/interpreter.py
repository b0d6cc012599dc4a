"""The Python that runs a release's code: the machine's own, or the one it brought."""

from __future__ import annotations

from .site import Site

__all__ = ["OWN", "interpreter", "is_bundled", "search_path"]

OWN = "/usr/bin/python3"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"  # systemd's own


def interpreter(site: Site, home: str) -> str:
    """By the way a unit goes there, a slot's link or a release's directory: who follows it follows its Python."""
    return f"{home}/python/bin/python3" if is_bundled(site, home) else OWN


def search_path(site: Site, home: str) -> dict[str, str]:
    """What a unit's environment has beside it, so that `python3` means this one in whatever the code starts."""
    return {"PATH": f"{home}/python/bin:{PATH}"} if is_bundled(site, home) else {}


def is_bundled(site: Site, home: str) -> bool:
    """Whether the release here has a layer with an interpreter."""
    return (site.root / home.lstrip("/") / "python").is_symlink()
