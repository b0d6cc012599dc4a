"""A packed layer laid out again on this computer, verified on the way."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import BinaryIO

import zstandard

from release.build.cache import Cache
from release.build.errors import BuildError
from release.host import contained

CHUNK = 1 << 20


class Hashing(io.RawIOBase):
    """Hashes what passes by."""

    def __init__(self, source: BinaryIO) -> None:
        self.source, self.digest = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.digest.update(data)
        return data


def unpack(*, cache: Cache, layer: str, target: Path) -> None:
    """Everything a layer holds, below a directory; one that is not what its name says is refused."""
    path = cache.path(kind="layers", name=f"{layer}.tar.zst")
    try:
        with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
            hashing = Hashing(plain)
            with tarfile.open(fileobj=hashing, mode="r|", bufsize=CHUNK) as archive:
                contained.unpack(archive, target)
            while hashing.read(CHUNK):
                pass
    except (OSError, contained.Foreign, tarfile.TarError, zstandard.ZstdError) as error:
        raise damaged(path, str(error)) from None
    if hashing.digest.hexdigest() != layer:
        raise damaged(path, f"sha256 {hashing.digest.hexdigest()[:12]}")


def damaged(path: Path, got: str) -> BuildError:
    return BuildError(f"{path}: should hold the layer of its name (got {got}), remove it and build again")
