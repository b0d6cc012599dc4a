"""What a build is asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from release.build.platforms import Platform

SERVERS_PYTHON = "3.13"  # Debian 13's own
OVERLAY = Path(__file__).parent.parent / "host" / "overlay"
CACHE = ("CELERY_BROKER_URL", "REDIS_URL")  # where a site finds the cache of its stack


def variables(*, env: Iterable[str], secrets: Iterable[str], cache: object) -> tuple[str, ...]:
    """The names of every variable that a stack file gives its site."""
    return tuple(sorted({*env, *secrets, *(CACHE if cache else ())}))


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
