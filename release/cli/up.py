"""`slipway up`: the engine's own `up`, told things that belong to this one run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from release.cli.engine import interactive
from release.cli.project import Project

__all__ = ["up"]


def up(project: Project, stack: str, *, maintenance: bool = False, words: Sequence[str] = ()) -> int:
    """Run `pulumi up` with our own terminal; its exit code is ours. A window is in no input of the engine's."""
    environment = {key: value for key, value in os.environ.items() if key != "SLIPWAY_MAINTENANCE"}
    if maintenance:
        environment["SLIPWAY_MAINTENANCE"] = "1"
    return interactive(project, "up", "-s", stack, *words, environment=environment)
