"""Running the site's code once, in the sandbox its slots have."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from .failure import Failure, cause_in
from .interpreter import interpreter, search_path
from .machine import Machine
from .site import Site
from .units import binds, home_of

__all__ = ["CREDENTIALS", "argv", "django", "once"]

CREDENTIALS = "$CREDENTIALS_DIRECTORY"  # as a shell in the sandbox finds what systemd loaded for it


def argv(
    site: Site,
    *,
    slot: str,
    verb: str,
    command: Sequence[str],
    writable: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    beside: Sequence[str] = (),
    how: Sequence[str] = ("--pipe",),
) -> list[str]:
    """systemd-run's command line; the unit's name makes systemd apply the sandbox to it.

    `beside` are places of modules besides the site's own, which win.
    """
    home = home_of(site, slot)
    given = {
        "PYTHONPATH": ":".join([*(f"{home}/{part}" for part in ("overlay", "site-packages", "app")), *beside]),
        "DJANGO_SETTINGS_MODULE": "slipway_settings",
        **search_path(site, home),
        **(env or {}),
    }
    own = [
        *how,
        f"--working-directory={home}/app",
        *(f"--property={bind}" for bind in binds(site, home=home, writable=writable)),
        *(f"--setenv={name}={value}" for name, value in given.items()),
    ]
    return once(site, verb=verb, command=command, credential=f"env:/etc/slipway/{site.name}/{slot}.env", how=own)


def once(
    site: Site, *, verb: str, command: Sequence[str], credential: str, how: Sequence[str] = ("--pipe",)
) -> list[str]:
    """Any command as the site's user with one file of root's; nothing of a release is within its reach by itself."""
    return [
        "systemd-run",
        "--quiet",
        "--wait",
        "--collect",
        "--expand-environment=no",  # a command's words are its own, with every $ in them
        f"--unit={site.name}-run-{verb}-{secrets.token_hex(4)}",
        f"--property=LoadCredential={credential}",
        *how,
        "--",
        *command,
    ]


def django(
    site: Site,
    machine: Machine,
    *,
    slot: str,
    verb: str,
    writable: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    limit: float,
) -> dict[str, Any]:
    """Run a verb of django_run, and hand back its result; a cause in it is a Failure."""
    script = (files(__package__) / "files/django_run.py").read_text()
    command = [interpreter(site, home_of(site, slot)), "-", verb]
    beside = [str(Path(sys.argv[0]).resolve())]  # the agent's file, with modules of ours in it
    # systemd ends the unit itself: ending systemd-run alone would leave a migration running behind its failure.
    how = ("--pipe", f"--property=RuntimeMaxSec={limit:.0f}")
    begun = machine.now()
    done = machine.run(
        argv(site, slot=slot, verb=verb, command=command, writable=writable, env=env, beside=beside, how=how),
        check=False,
        input=script,
        limit=limit + 15,
    )
    result = _result(done.out)
    said = [line.rstrip() for line in done.err.splitlines() if line.strip()]
    if done.code == 0 and result is not None:
        return result
    late = f"should end within {limit:.0f} s" if machine.now() - begun >= limit else ""
    cause = (result or {}).get("cause") or late or cause_in(said) or f"ended with code {done.code} and said nothing"
    raise Failure(f"{verb}: {cause}", detail=said[-40:], ahead=(result or {}).get("applied", []))


def _result(out: str) -> dict[str, Any] | None:
    try:
        result = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return result if isinstance(result, dict) else None
