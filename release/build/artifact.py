"""What a build gives: a manifest, named by its content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.build.cache import Cache, canonical, default_cache


@dataclass(frozen=True)
class Artifact:
    """A Django project as layers and a manifest; `notes` are lines for the user."""

    id: str
    manifest: dict[str, Any]
    dirty: bool
    notes: tuple[str, ...]


def load(artifact_id: str) -> Artifact | None:
    """An artifact out of the local cache, or None when it (or one of its layers) is not there."""
    cache = default_cache()
    manifest = cache.read(kind="manifests", key=artifact_id)
    if not manifest or identify(manifest) != artifact_id or not has_layers(cache=cache, manifest=manifest):
        return None
    return Artifact(id=artifact_id, manifest=manifest, dirty=False, notes=())


def save(*, cache: Cache, manifest: Mapping[str, Any]) -> str:
    artifact_id = identify(manifest)
    cache.write(kind="manifests", key=artifact_id, value=manifest)
    return artifact_id


def identify(manifest: Mapping[str, Any]) -> str:
    return f"sha256-{hashlib.sha256(canonical(manifest)).hexdigest()}"


def has_layers(*, cache: Cache, manifest: Mapping[str, Any]) -> bool:
    return all(cache.path(kind="layers", name=f"{layer}.tar.zst").exists() for layer in manifest["layers"].values())
