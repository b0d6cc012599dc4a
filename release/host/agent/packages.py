"""Debian packages the site asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .failure import Failure
from .machine import Machine

__all__ = ["install"]

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
TRIES = 4
ENV = {"DEBIAN_FRONTEND": "noninteractive"}


def install(machine: Machine, packages: Sequence[str]) -> None:
    """Install what is missing; nothing is asked of the network when nothing is."""
    for name in packages:
        if not NAME.fullmatch(name):
            raise Failure(f"packages: should be names of Debian packages (got {name!r})")
    lacking = [name for name in packages if not _installed(machine, name)]
    if not lacking:
        return
    _patiently(machine, ["apt-get", "--quiet", "update"])
    _patiently(machine, ["apt-get", "--quiet", "--yes", "--no-install-recommends", "install", *lacking])


def _installed(machine: Machine, name: str) -> bool:
    done = machine.run(["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", name], check=False)
    return done.code == 0 and done.out.startswith("ii")


def _patiently(machine: Machine, argv: list[str]) -> None:
    for attempt in range(1, TRIES + 1):
        done = machine.run(argv, check=False, env=ENV, limit=900)
        if done.code == 0:
            return
        unknown = [line for line in done.lines if "Unable to locate" in line or "no installation candidate" in line]
        if unknown and "install" in argv:
            raise Failure(f"packages: {unknown[0].removeprefix('E: ')}, correct the name in the stack file")
        machine.pause(attempt**2)
    raise Failure(f"packages: {done.lines[-1] if done.lines else 'apt-get failed'}", detail=done.lines[-20:])
