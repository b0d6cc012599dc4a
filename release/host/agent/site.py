"""Where everything of one site lies on a machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["SLOTS", "Site", "Slot", "replace_link", "write"]

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, Slot] = ("blue", "green")


@dataclass(frozen=True)
class Site:
    """One site on the machine whose root directory is `root`."""

    name: str
    root: Path = Path("/")

    @property
    def home(self) -> Path:
        return self.root / "srv" / self.name

    @property
    def layers(self) -> Path:
        return self.home / "layers"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def static(self) -> Path:
        return self.home / "static"

    @property
    def current(self) -> Path:
        """The link Caddy dials."""
        return self.home / "run" / "current.sock"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/slipway-agent" / self.name

    @property
    def variable(self) -> Path:
        """Where the site itself may write."""
        return self.root / "var/lib" / self.name

    @property
    def settings(self) -> Path:
        return self.root / "etc/slipway" / self.name

    @property
    def ca(self) -> Path:
        return self.settings / "database-ca.pem"

    @property
    def lock(self) -> Path:
        return self.root / "run/lock" / f"slipway-{self.name}.lock"

    @property
    def caddy(self) -> Path:
        return self.root / "etc/caddy/sites" / f"{self.name}.caddy"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    def release(self, release: str) -> Path:
        return self.releases / release

    def slot(self, slot: str) -> Path:
        return self.home / "slots" / slot

    def env(self, slot: str) -> Path:
        return self.settings / f"{slot}.env"

    def socket(self, slot: str) -> Path:
        """The socket of a slot, or of the holding page."""
        return self.root / "run" / f"{self.name}-{slot}" / "web.sock"

    def web(self, slot: str) -> str:
        """The unit that serves a slot, or the holding page."""
        return f"{self.name}-holding.service" if slot == "holding" else f"{self.name}-web@{slot}.service"

    def worker(self, slot: str, name: str) -> str:
        return f"{self.name}-worker@{slot}-{name}.service"

    def schedule(self, name: str) -> str:
        return f"{self.name}-schedule-{name}"

    def serving(self) -> str:
        """Where the link points: a slot, or holding."""
        try:
            target = os.readlink(self.current)
        except OSError:
            return "holding"
        return Path(target).parent.name.removeprefix(f"{self.name}-")


def write(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Put a whole file in place, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(handle)
    os.rename(new, path)
    _sync(path.parent)


def replace_link(path: Path, target: Path | str) -> None:
    """Point a link elsewhere in one durable step."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    os.symlink(target, new)
    os.rename(new, path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
