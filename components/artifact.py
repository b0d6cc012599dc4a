"""Which artifact an environment runs: a pin, or what its project builds to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

from release.build import BuildError, build, variables
from settings import Settings, Source

PROGRAM = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Chosen:
    """An artifact's id, where it comes from in words, and what its build has to say."""

    id: str
    origin: str
    notes: tuple[str, ...] = ()


def choose(settings: Settings, *, lock: Path) -> Chosen:
    """The pin, which wins; or the artifact of the project's tree as it lies there now."""
    source = settings.source
    if source.artifact is None:
        return _built(settings, source, lock=lock)
    promoted = f"promoted from {source.promoted_from}" if source.promoted_from else None
    came = ", ".join(filter(None, (promoted, source.pin_reason)))
    idle = f"; project: {source.project} is not built" if source.project else ""
    if source.pin_reason:
        idle += f"; slipway unpin {settings.environment} takes the pin out"
    return Chosen(id=source.artifact, origin=f"pinned, {came}{idle}" if came else f"pinned by hand{idle}")


def _built(settings: Settings, source: Source, *, lock: Path) -> Chosen:
    site = settings.site
    try:
        artifact = build(
            PROGRAM / str(source.project),
            settings=site.settings,
            env=variables(env=site.env, secrets=site.secrets, cache=site.cache),
            lock=lock,
            overlay=site.overlay,
            interface=site.interface,
            keep=site.keep,
            dirty_ok=not settings.protect,
            commands=source.build,
        )
    except BuildError as error:
        if error.setting:
            settings.fail(error.setting, error.text)
        raise pulumi.RunError(str(error)) from None
    uncommitted = ", with changes that are not committed" if artifact.dirty else ""
    return Chosen(id=artifact.id, origin=f"built from {source.project}{uncommitted}", notes=artifact.notes)
