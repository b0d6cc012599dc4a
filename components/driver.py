"""The driver's verbs as Commands of the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_command as command
from pulumi import Output, ResourceOptions

Command = command.local.Command

# Relative, so that it is the same input on every computer: Commands run in the program's directory.
DRIVER = ".venv/bin/python -m release.driver"


# What keeps a database or its dumps on a machine: units and settings are its templates.
KEEPER = Path(__file__).resolve().parent.parent / "release/host/postgres"


def keeper() -> str:
    """Changes with every slipway that would write other units or settings: part of what such a machine is told."""
    files = sorted(path for path in KEEPER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:12]


def run(
    verb: str,
    subject: pulumi.Input[str],
    document: Mapping[str, Any],
    *,
    name: str | None = None,
    undo: str | None = None,
    triggers: Sequence[pulumi.Input[str]] | None = None,
    opts: ResourceOptions,
) -> Command:
    """A verb of the driver: what it is about in plain sight, everything else on its stdin; `undo` is one too."""
    stdin: pulumi.Input[str] = Output.json_dumps(document, sort_keys=True)
    return Command(
        name or verb,
        create=Output.concat(f"{DRIVER} {verb} ", subject),
        delete=Output.concat(f"{DRIVER} {undo} ", subject) if undo else None,
        stdin=Output.secret(stdin),
        triggers=triggers,
        add_previous_output_in_env=False,
        logging=command.local.Logging.NONE,  # a failure carries the driver's words in its own text
        opts=opts,
    )
