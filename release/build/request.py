"""What a build is asked for."""

from dataclasses import dataclass, field
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
    overlay: bool = True
    interface: str = ""  # what the stack file says; nothing leaves it to the project
    keep: tuple[str, ...] = ()  # settings that stay the project's own
    commands: tuple[str, ...] = ()  # the stack file's `build:`
    here: Platform = field(default_factory=Platform.here)  # changes how a build is made, never what it gives

    @property
    def module(self) -> str:
        """The settings module."""
        return self.settings.partition(":")[0]

    @property
    def configuration(self) -> str:
        """The class of django-configurations in it, if any."""
        return self.settings.partition(":")[2]
