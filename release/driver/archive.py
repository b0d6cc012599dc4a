"""The sealed copy of an environment's certificate store, in its release bucket."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.bucket import Bucket, BucketError
from release.driver.certificates import Damaged, packed, sealed, unpacked, unsealed

__all__ = ["Archive", "keep"]

KEY = "certificates/store.sealed"


@dataclass(frozen=True)
class Archive:
    """What a machine takes its certificates from when the one before it is lost."""

    bucket: Bucket
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Archive:
        """Where a document says that certificates are kept, and what seals them."""
        return cls(bucket=Bucket.parse(document["bucket"]), secret=str(document["certificate_key"]))

    def read(self) -> dict[str, bytes]:
        """The files kept last, none when there are none yet; raises Damaged, BucketError."""
        content = self.bucket.get(KEY)
        return {} if content is None else unpacked(unsealed(content, secret=self.secret))

    def keep(self, store: bytes) -> bool:
        """Keep a store that holds certificates and differs from the one kept; whether it was put there."""
        files = unpacked(store)
        if not any(name.startswith("certificates/") for name in files) or files == self._standing():
            return False
        self.bucket.put(KEY, sealed(packed(files), secret=self.secret))
        return True

    def _standing(self) -> dict[str, bytes]:
        try:
            return self.read()
        except Damaged:
            return {}


def keep(store: str, *, archive: Archive) -> list[str]:
    """Keep what a server sent of its certificates; that it could not be is worth a word and no more."""
    try:
        if store:
            archive.keep(b64decode(store))
    except (Damaged, BucketError, ValueError) as error:
        return [f"certificates: not kept in the release bucket: {error}"]
    return []
