"""A stack file to begin with, made of what a project needs."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from release.cli.check.findings import GIVEN
from release.cli.check.source import Source

__all__ = ["suggested"]

PROGRAM = Path(__file__).resolve().parents[3]
SECRET = re.compile(r"KEY|SECRET|PASSW|TOKEN|DSN|CREDENTIAL|PRIVATE|_URL$")


def suggested(project: Path, source: Source, *, settings: str, met: Collection[str]) -> str:
    """The text of stacks/Pulumi.staging.yaml."""
    place = os.path.relpath(project, PROGRAM)
    lines = [
        "config:",
        "  cloud: digitalocean",
        "  region: fra1",
        "  domain: example.org  # yours; without domain and hosts the site answers under its address",
        "  hosts: [staging.example.org]",
        f"  project: {place}",
        f"  settings: {settings}",
    ]
    return "\n".join([*lines, *_variables(source, settings, met)]) + "\n"


def _variables(source: Source, settings: str, met: Collection[str]) -> Iterator[str]:
    reads = source.reads(settings)
    required = ({read.name for read in reads if read.required} - GIVEN) | set(met)
    plain = sorted(name for name in required if not SECRET.search(name))
    if plain:
        yield "  env:"
        yield from (f'    {name}: "{"False" if name.endswith("DEBUG") else "..."}"' for name in plain)
    for name in sorted(required - set(plain)):
        yield f"  # pulumi config set --secret --path secrets.{name} -s staging"
