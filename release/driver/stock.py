"""What a release bucket holds of layers and manifests: each whole, or as a patch over another one.

    layers/<digest>.tar.zst                a layer
    layers/<digest>.from-<base>.zst        what makes it of the layer `base`
    manifests/<artifact>.json              a manifest
    manifests/<artifact>.from-<base>.zst   what makes it of the manifest of `base`

A name is the digest of the content, whichever way that lies here: a patch is a matter of the place alone. From a
patch its bases lead to one that is whole, all of them in the same bucket.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from release.bucket import Bucket, Stored
from release.driver import patches
from release.driver.contents import unpacked

__all__ = ["Piece", "Stock", "layer_key", "manifest_key", "patch_key", "released"]

KEY = re.compile(r"(layers|manifests)/(?P<name>[^./]+)(?:\.from-(?P<base>[^./]+)\.zst|\.tar\.zst|\.json)")


@dataclass(frozen=True)
class Piece:
    """One object: `name` as a whole, or where there is a `base` as a patch over that."""

    key: str
    name: str
    base: str
    size: int


class Stock:
    """What was in a bucket when it was listed, and what has been put there since."""

    def __init__(self, bucket: Bucket, objects: Iterable[Stored]) -> None:
        self.bucket = bucket
        self.objects = {each.key: each for each in objects}
        self.sent = 0  # bytes
        self._pieces: dict[str, list[Piece]] = {}
        for key, each in self.objects.items():
            self._note(key, each.size)

    @classmethod
    def of(cls, bucket: Bucket) -> Stock:
        """List a bucket."""
        return cls(bucket, bucket.objects())

    def chain(self, name: str, *, but: frozenset[str] = frozenset()) -> list[Piece]:
        """From a whole one on, what gives this content; nothing when that is not here."""
        but |= {name}
        ways = [self._way(each, but) for each in self.pieces(name) if each.base not in but]
        return min(filter(None, ways), key=len, default=[])

    def _way(self, last: Piece, but: frozenset[str]) -> list[Piece]:
        before = self.chain(last.base, but=but) if last.base else []
        return [*before, last] if before or not last.base else []

    def pieces(self, name: str) -> list[Piece]:
        """Every object that gives this content, with what it is a patch over."""
        return self._pieces.get(name, [])

    def bases(self, names: Iterable[str]) -> set[str]:
        """All that these are patches over, and what that is a patch over."""
        found: set[str] = set()
        ahead = list(names)
        while ahead:
            new = {each.base for each in self.pieces(ahead.pop()) if each.base} - found
            found |= new
            ahead += new
        return found

    def way(self, name: str, *, here: Collection[str]) -> list[Piece]:
        """What somebody lacks of a chain who has these already."""
        chain = self.chain(name)
        known = [number for number, each in enumerate(chain) if each.name in here]
        return chain[known[-1] + 1 :] if known else chain

    def content(self, name: str) -> Iterator[bytes] | None:
        """In pieces; None when it is not here."""
        chain = self.chain(name)
        if len(chain) > 1:
            return self._patched(chain)
        packed = self.bucket.stream(chain[0].key) if chain else None
        return _plain(chain[0], packed) if packed is not None else None

    def packed(self, name: str) -> Iterator[bytes] | None:
        """A layer as one whole, compressed; None when it is not here."""
        import zstandard

        chain = self.chain(name)
        if len(chain) > 1:
            return iter([zstandard.compress(b"".join(self._patched(chain)), level=10)])
        return self.bucket.stream(chain[0].key) if chain else None

    def read(self, name: str) -> bytes | None:
        """All of it, where it is small."""
        content = self.content(name)
        return None if content is None else b"".join(content)

    def read_manifest(self, artifact: str) -> bytes | None:
        """What lies here as the manifest of this id, be it that or not."""
        import zstandard

        try:
            return self.read(artifact)
        except zstandard.ZstdError:
            return b""

    @property
    def dates(self) -> dict[str, datetime]:
        """When each object was put, by the storage's own clock."""
        return {key: each.at for key, each in self.objects.items()}

    def put(self, key: str, content: Path | bytes, *, content_type: str = "application/octet-stream") -> None:
        """Upload a file, or these bytes, under this key."""
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        self.bucket.put(key, content, content_type=content_type)
        self.sent += size
        self._note(key, size)

    def _note(self, key: str, size: int) -> None:
        if found := KEY.fullmatch(key):
            piece = Piece(key, found["name"], found["base"] or "", size)
            self._pieces.setdefault(piece.name, []).append(piece)

    def _patched(self, chain: list[Piece]) -> Iterator[bytes]:
        with ThreadPoolExecutor(max_workers=8) as threads:
            first, *more = threads.map(lambda each: self.bucket.get(each.key) or b"", chain)
        found = b"".join(_plain(chain[0], [first]))
        for patch in more:
            found = patches.apply(patch, base=found)
        yield found


def _plain(whole: Piece, packed: Iterable[bytes]) -> Iterator[bytes]:
    return unpacked(packed) if whole.key.endswith(".zst") else iter(packed)


def released(dates: Mapping[str, datetime]) -> dict[str, datetime]:
    """When each artifact among these keys was released last: its record is put anew every time."""
    last: dict[str, datetime] = {}
    for key, at in dates.items():
        if key.startswith(("manifests/", "artifacts/")):
            name = key.split("/", 1)[1].split(".", 1)[0]
            last[name] = max(at, last.get(name, at))
    return last


def layer_key(digest: str) -> str:
    """A whole layer's place in a bucket and in the cache."""
    return f"layers/{digest}.tar.zst"


def manifest_key(artifact: str) -> str:
    """A whole manifest's place."""
    return f"manifests/{artifact}.json"


def patch_key(kind: str, name: str, *, base: str) -> str:
    """The place of a patch."""
    return f"{kind}/{name}.from-{base}.zst"
