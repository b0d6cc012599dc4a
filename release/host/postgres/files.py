"""The files of the database's machine, rendered from files/."""

from __future__ import annotations

import shutil
import string
from importlib.resources import files
from pathlib import Path

from ..agent.site import write

__all__ = ["fill", "put", "put_text"]


def put(path: Path, template: str, *, mode: int = 0o644, group: str = "", **values: object) -> bool:
    """Write a rendered file; whether it has changed."""
    return put_text(path, fill(template, **values), mode=mode, group=group)


def put_text(path: Path, text: str, *, mode: int = 0o644, group: str = "") -> bool:
    """Write a file, readable to a group where that is more than its owner; whether it has changed."""
    if path.exists() and path.read_text() == text:
        return False
    write(path, text, mode=mode & 0o700 if group else mode)
    if group:
        shutil.chown(path, group=group)
        path.chmod(mode)
    return True


def fill(template: str, **values: object) -> str:
    """A file of files/ with its values."""
    return string.Template((files(__package__) / "files" / template).read_text()).substitute(values)
