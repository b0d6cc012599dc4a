"""botocore's description of S3, read once in a process: every new session reads and parses half a megabyte of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.loaders import JSONFileLoader


def keep() -> None:
    """From now on a file that was read is not read again."""
    read: Callable[[JSONFileLoader, str], Any] = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def once(self: JSONFileLoader, file_path: str) -> Any:
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    JSONFileLoader.load_file = once  # type: ignore[method-assign]
