"""What came of a build, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from release.build import Artifact
from release.build.cache import Cache
from release.build.provenance import read
from release.cli.build.asked import Asked
from release.cli.build.trial import Started, Tested
from release.cli.check.findings import bytes_of
from release.cli.project import shown

__all__ = ["Report", "report_of"]


@dataclass
class Report:
    """An artifact with its layers, and how it did; `untried` says why it was not started here."""

    artifact: str
    project: str
    settings: str
    commit: str | None
    dirty: bool
    python: str
    django: str
    layers: dict[str, dict[str, Any]]
    packages: int
    notes: list[str]
    untried: str = ""
    started: Started | None = None
    tested: Tested | None = None

    @property
    def good(self) -> bool:
        """Whether everything that was tried went well."""
        return not (self.started and self.started.error) and not (self.tested and self.tested.code)

    def document(self) -> str:
        """One JSON object."""
        return json.dumps({**asdict(self), "good": self.good})

    def built(self) -> Iterator[str]:
        """The artifact itself."""
        yield self.artifact
        changes = ", with changes that are not committed" if self.dirty else ""
        yield f"  from {self.project}" + (f" at {self.commit[:12]}{changes}" if self.commit else ", without git")
        yield f"  Django {self.django}, Python {self.python}, {self.packages} packages, settings {self.settings}"
        for name, layer in self.layers.items():
            sizes = f"{bytes_of(layer['packed']):>9} packed, {bytes_of(layer['unpacked']):>9} unpacked"
            yield f"  {name:<13} {sizes}  {layer['digest'][:12]}"
        yield from (f"  note: {note}" for note in self.notes)

    def tried(self) -> Iterator[str]:
        """How its entry point did."""
        if self.untried:
            yield f"not started here: {self.untried}"
        elif self.started and self.started.error:
            yield f"will be refused: {self.started.error}"
        elif self.started:
            count = len(self.started.warnings)
            yield f"imports: ok ({self.started.entry}), check --deploy: ok, {count} warning{'' if count == 1 else 's'}"
            yield from (f"  {warning}" for warning in self.started.warnings)

    def tests(self) -> Iterator[str]:
        """How its tests did."""
        if self.tested:
            word = "ok" if self.tested.code == 0 else "FAILED"
            yield f"test: {word}, exit code {self.tested.code} after {self.tested.seconds} s: {self.tested.command}"


def report_of(artifact: Artifact, asked: Asked, *, cache: Cache) -> Report:
    """What is known of it before it is tried."""
    manifest, record = artifact.manifest, read(cache=cache, artifact=artifact.id) or {}
    layers = {
        name: {"digest": digest, "packed": _packed(cache, digest), "unpacked": manifest["sizes"][name]}
        for name, digest in manifest["layers"].items()
    }
    notes = [*asked.notes, *artifact.notes]
    if asked.lock.exists():
        notes.append(f"packages are those of {shown(asked.lock)}")
    if artifact.dirty and asked.protect:
        notes.append("changes are not committed: pulumi up refuses them for this stack (protect: true)")
    return Report(
        artifact=artifact.id,
        project=str(asked.project),
        settings=asked.settings,
        commit=record.get("commit"),
        dirty=artifact.dirty,
        python=manifest["python"],
        django=manifest["django"],
        layers=layers,
        packages=len(record.get("dependencies", [])),
        notes=notes,
    )


def _packed(cache: Cache, digest: str) -> int:
    return cache.path(kind="layers", name=f"{digest}.tar.zst").stat().st_size
