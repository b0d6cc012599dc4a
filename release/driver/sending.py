"""How a layer or a manifest is put into a release bucket: as a patch over the release before, where that is less.

A chain of patches ends where reading it would cost more than it spares: when together they are as large as half the
whole, or LINKS long. Then the whole is put again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from release.driver import patches
from release.driver.contents import pieces, unpacked
from release.driver.stock import Stock, layer_key, manifest_key, patch_key, released
from release.places import cache_directory

__all__ = ["Before", "put_layer", "put_manifest"]

LINKS = 32  # patches one after another: so many requests more for a new machine


@dataclass(frozen=True)
class Before:
    """What was released here last: a server most likely has it. `layers` are those small enough for a patch."""

    artifact: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stock: Stock, *, but: str) -> Before:
        """The newest in this bucket besides this one."""
        dates = released(stock.dates)
        known = [name for name in dates if name != but and stock.chain(name)]
        artifact = max(known, key=lambda name: dates[name], default="")
        try:
            manifest = json.loads((stock.read_manifest(artifact) if artifact else None) or b"{}")
            small = {name for name, size in manifest.get("sizes", {}).items() if size <= patches.LARGEST}
            return cls(artifact, {name: digest for name, digest in manifest["layers"].items() if name in small})
        except (ValueError, KeyError, TypeError, AttributeError):  # none, or an edited one: nothing is built on it
            return cls()


def put_layer(digest: str, packed: Path, *, stock: Stock, base: str | None) -> None:
    """A layer that was verified."""
    patch = _over(base, digest, packed, stock) if base else None
    if base is None or patch is None:
        return stock.put(layer_key(digest), packed)
    stock.put(patch_key("layers", digest, base=base), patch)


def put_manifest(artifact: str, content: bytes, *, stock: Stock, before: Before) -> None:
    """A manifest, at most one patch away from a whole one: every release reads it."""
    chain = [] if stock.chain(artifact) else stock.chain(before.artifact)
    base = chain[0].name if chain else ""
    old = stock.read_manifest(base) if base else None
    if old is not None and base == "sha256-" + hashlib.sha256(old).hexdigest():
        patch = patches.make(content, base=old)
        if 2 * len(patch) <= len(content):
            return stock.put(patch_key("manifests", artifact, base=base), patch)
    stock.put(manifest_key(artifact), content, content_type="application/json")


def _over(base: str, digest: str, packed: Path, stock: Stock) -> bytes | None:
    """The patch that makes this layer of its predecessor, where it is worth it."""
    chain = stock.chain(base)
    content = _small(packed)
    old = _content(base, stock) if chain and len(chain) <= LINKS and content is not None else None
    if content is None or old is None:
        return None
    patch = patches.make(content, base=old)
    together = sum(each.size for each in chain[1:]) + len(patch)
    worth = 2 * together <= packed.stat().st_size
    return patch if worth and hashlib.sha256(patches.apply(patch, base=old)).hexdigest() == digest else None


def _small(packed: Path) -> bytes | None:
    """What a packed layer holds, unless it is too large for a patch."""
    found = bytearray()
    for piece in unpacked(pieces(packed)):
        found += piece
        if len(found) > patches.LARGEST:
            return None
    return bytes(found)


def _content(digest: str, stock: Stock) -> bytes | None:
    """A layer of this size or that, out of the cache or the bucket; None where it is not what its name says."""
    import zstandard

    local = cache_directory() / layer_key(digest)
    try:
        found = b"".join(unpacked(pieces(local))) if local.is_file() else stock.read(digest)
    except zstandard.ZstdError:
        return None
    return found if found and hashlib.sha256(found).hexdigest() == digest else None
