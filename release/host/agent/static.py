"""Static files of the last releases in one directory: pages of an old release still find their own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .site import Site

__all__ = ["forget", "merge"]

HASHED = re.compile(r"\.[0-9a-f]{12}\.[^/]+$")
MANIFEST = "staticfiles.json"


def merge(site: Site, layer: str, *, hashed: bool) -> int:
    """Hard-link a layer's static files in: hashed names before the flip, the others with it; how many were new."""
    source = site.layers / layer / "static"
    new = 0
    for directory, _, names in os.walk(source):
        below = os.path.relpath(directory, source)
        target = site.static / below
        wanted = [name for name in names if bool(HASHED.search(name)) == hashed and name != MANIFEST]
        if wanted:
            target.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            new += _link(Path(directory, name), target / name)
    return new


def forget(site: Site) -> None:
    """Take away files whose layer is gone, and the directories they leave empty."""
    for directory, _, names in os.walk(site.static, topdown=False):
        for name in names:
            path = os.path.join(directory, name)
            if os.lstat(path).st_nlink == 1:
                os.unlink(path)
        if directory != str(site.static) and not os.listdir(directory):
            os.rmdir(directory)


def _link(source: Path, target: Path) -> int:
    try:
        os.link(source, target)
    except FileExistsError:
        if os.path.samefile(source, target):
            return 0
        new = target.with_name(f".{target.name}.new")
        new.unlink(missing_ok=True)
        os.link(source, new)
        os.rename(new, target)
    return 1
