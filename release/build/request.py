"""What a build is asked for."""

from dataclasses import dataclass
from pathlib import Path

from release.build.platforms import Platform

OVERLAY = Path(__file__).parent.parent / "host" / "overlay"


@dataclass(frozen=True)
class Request:
    """The arguments of a build besides the project's files."""

    settings: str
    env: tuple[str, ...]
    lock: Path
    python: str  # the servers' own
    here: Platform  # changes how a build is made, never what it gives
    commands: tuple[str, ...] = ()  # the stack file's `build:`
