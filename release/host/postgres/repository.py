"""pgBackRest on this machine: its configuration, and what it is asked."""

from __future__ import annotations

import configparser
import json
from collections.abc import Sequence
from typing import Any

from ..agent.failure import Failure
from ..agent.machine import Done, Machine
from .place import Facts, Place
from .running import as_owner

__all__ = ["backrest", "configured", "info"]


def configured(place: Place) -> dict[str, dict[str, str]]:
    """pgbackrest.conf as sections of options."""
    parser = configparser.RawConfigParser(delimiters="=")
    try:
        parser.read_string(place.repository.read_text())
    except FileNotFoundError:
        raise Failure(f"{place.repository}: is missing, run pulumi up") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def backrest(
    machine: Machine, facts: Facts, words: Sequence[str], *, check: bool = True, limit: float | None = 3600
) -> Done:
    """One pgBackRest command for the site's stanza; its configuration is read from the file, secrets included."""
    argv = ["pgbackrest", f"--stanza={facts.site}", "--log-level-console=warn", *words]
    done = as_owner(machine, argv, check=False, limit=limit)
    if check and done.code:
        raise Failure(f"pgbackrest {words[-1]}: {_said(done)}", detail=done.lines[-20:])
    return done


def info(machine: Machine, facts: Facts) -> dict[str, Any]:
    """The stanza as `pgbackrest info` tells it; empty where there is none yet."""
    found = json.loads(backrest(machine, facts, ["--output=json", "info"], limit=120).out or "[]")
    return dict(found[0]) if found else {}


def _said(done: Done) -> str:
    """The line that names the error, without time and process."""
    errors = [line.split("ERROR:", 1)[1].strip() for line in done.lines if "ERROR:" in line]
    return errors[0] if errors else (done.lines or ["said nothing"])[-1]
