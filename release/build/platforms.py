"""Which platform this computer is, and what follows from it for a build."""

import platform
import re
from dataclasses import dataclass

TARGET = "x86_64-manylinux_2_28"  # the servers', in uv's words
OLDEST_GLIBC = (2, 28)  # that its wheels run with


@dataclass(frozen=True)
class Platform:
    """A computer on which a build runs; `glibc` is empty where there is another C library."""

    system: str
    machine: str
    glibc: str = ""

    @classmethod
    def here(cls) -> "Platform":
        library, version = platform.libc_ver()
        return cls(platform.system(), platform.machine(), version if library == "glibc" else "")

    @property
    def runs_target(self) -> bool:
        """Whether the servers' packages can be started here; elsewhere they are only packed."""
        same = (self.system, self.machine) == ("Linux", "x86_64")
        return same and tuple(map(int, re.findall(r"\d+", self.glibc))) >= OLDEST_GLIBC

    @property
    def name(self) -> str:
        return f"{'macOS' if self.system == 'Darwin' else self.system} {self.machine}"
