"""Data is overwritten only after the stack was named once more, in full."""

from __future__ import annotations

import sys

from release.cli.refusal import Refusal
from release.cli.stack import Stack

__all__ = ["agreed"]


def agreed(stack: Stack, *, what: str, given: str | None) -> None:
    """Say what is about to happen; go on only with the stack's name, given or typed."""
    print(f"{stack.name}: {what}", flush=True)
    if given is None and sys.stdin.isatty():
        given = input(f"type {stack.name} to go on: ").strip()
    if given != stack.name:
        got = "nothing" if not given else repr(given)
        raise Refusal(f"{stack.name}: nothing was done: should be named in full (got {got}), "
                      f"add --yes-overwrite {stack.name}")  # fmt: skip
