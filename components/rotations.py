"""Secrets that are made here and can be rotated: one resource for each valid generation."""

from __future__ import annotations

import pulumi_random as random
from pulumi import Output, ResourceOptions

from components.clouds.cloud import of_generation
from components.losses import Recorded
from settings import Rotations, Settings

__all__ = ["drawn", "refuse_jumps"]


def drawn(
    name: str, generations: tuple[int, ...], *, length: int, protect: bool, opts: ResourceOptions
) -> list[Output[str]]:
    """A password for each generation, oldest first.

    Only the newest is protected: the one before is let go with the rotation that leaves it out, which is a later run.
    """
    made: list[Output[str]] = []
    for generation in generations:
        own = ResourceOptions(protect=protect and generation == generations[-1])
        password = random.RandomPassword(
            of_generation(name, generation), length=length, special=False, opts=ResourceOptions.merge(opts, own)
        )
        made.append(Output.secret(password.result))
    return made


def refuse_jumps(settings: Settings, before: Recorded | None) -> None:
    """What is in use stays valid for one `up` more: visitors and requests on their way depend on it."""
    last = (before or {}).get("rotations") or Rotations().recorded()
    for name, now in settings.rotations.recorded().items():
        used = int(last.get(name, [1])[-1])  # the engine keeps every number as one with a fraction
        if before and used not in now:
            rule = f"should hold {used}, which is in use" if now[-1] > used else f"should be {used} or more, never less"
            settings.fail(f"rotations.{name}", f"{rule} (got {now}), run slipway rotate {settings.environment} {name}")
