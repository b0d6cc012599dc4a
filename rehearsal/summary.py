"""What a person wants to know at the end: where, what, how long, and what to try next."""

from __future__ import annotations

import json
import os

from rehearsal import paths
from rehearsal.pulumi import outputs

# A release's phases in their order; the state keeps a table's keys sorted.
_ORDER = (
    *("upload", "connect", "fetch", "compile", "packages", "preflight", "grants", "migrate"),
    *("before-release", "static", "start", "gate", "flip", "confirm", "commit", "drain"),
)


def summary(stacks: list[str]) -> str:
    """The sites with their artifact and phases, then the commands for the next thing."""
    lines = ["", "─" * 78]
    for stack in stacks:
        found = outputs(stack)
        lines.append(f"{stack:<11} {found['url']}   {str(found['artifact'])[:19]}…")
        lines.append(f"{'':<11} {_phases(found['phases'])}")
    return "\n".join([*lines, "─" * 78, _next_steps(stacks[0])])


def _phases(seconds: dict[str, float]) -> str:
    named = [name for name in _ORDER if seconds.get(name, 0) >= 0.1]
    return " · ".join(f"{name} {seconds[name]:.1f}" for name in named) + " seconds"


def _next_steps(stack: str) -> str:
    door = json.loads(paths.DOORWAY.read_text())["port"] if paths.DOORWAY.exists() else None
    here = os.path.relpath(paths.STATE)
    own = f"\n  in your own browser      proxy 127.0.0.1:{door}, certificates in {here}/ca-bundle.pem" if door else ""
    return f"""Put this terminal into the rehearsal:  . {here}/env
  open the site            slipway open {stack}
  create an admin          slipway manage {stack} createsuperuser
  ship the next change     edit the project, then: pulumi up -s {stack}
  see what runs            slipway status {stack}; slipway logs {stack}{own}
Screenshots: {here}/screenshots   Logs: {here}/log   Take it all away: make rehearse-destroy"""
