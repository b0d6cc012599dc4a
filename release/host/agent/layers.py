"""Layers: fetched by digest, verified while they unpack, compiled once, never changed again.

Whatever arrives lies under a hidden name until all of it is verified: nothing of a layer is run or served before.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

from ..contained import Foreign, unpack
from .failure import Failure
from .interpreter import OWN
from .machine import Machine
from .site import Site

__all__ = ["fetch", "missing", "settle", "sweep"]

TRIES = 4
TIMEOUT = 30  # seconds without a byte
UNKNOWN = 1 << 33  # bytes a layer may have whose size nobody tells
CHUNK = 1 << 20


def missing(site: Site, wanted: Mapping[str, str]) -> list[str]:
    """The digests this machine lacks."""
    return sorted({digest for digest in wanted.values() if not (site.layers / digest).is_dir()})


def sweep(site: Site) -> None:
    """Take away what is not verified, or not compiled: of an agent that failed or was killed."""
    for left in site.layers.glob(".*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def fetch(
    site: Site, machine: Machine, *, urls: Mapping[str, str], sizes: Mapping[str, int], heed: Callable[[], None]
) -> int:
    """Bring the layers at these URLs in, beside their place and under hidden names; the bytes that came.

    None may be larger than its size.
    """
    sweep(site)
    moved = 0
    bring = partial(_fetch_one, site, machine)
    with ThreadPoolExecutor(max_workers=3) as pool:
        found = [pool.submit(bring, digest, url, sizes.get(digest)) for digest, url in sorted(urls.items())]
        for done in found:
            moved += done.result()
            heed()
    return moved


def settle(site: Site, machine: Machine, digests: Collection[str], *, wanted: Mapping[str, str]) -> None:
    """Compile what was fetched and put it in place; each layer appears whole or not at all.

    An interpreter that was fetched compiles all the release has: what lies here already was compiled by another.
    """
    if not digests:
        return
    new = [str(site.layers / f".{digest}") for digest in sorted(digests)]
    python = wanted.get("python", "")
    here = [str(site.layers / digest) for digest in sorted({*wanted.values()} - {*digests})]
    # Unchecked, because a layer never changes. Not failed on: packages carry templates that are no Python.
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    compiled = [*new, *here] if python in digests else new
    done = machine.run([_compiler(site, python), "-m", "compileall", *options, *compiled], check=False)
    if any(os.strerror(errno.ENOSPC) in line for line in done.lines):
        raise _full(site.layers, "bytecode was written")
    machine.run(["sync", "--file-system", str(site.layers)])
    for path in new:
        os.rename(path, site.layers / os.path.basename(path)[1:])


def _compiler(site: Site, python: str) -> str:
    """The release's own interpreter, in its place or about to be there."""
    places = [site.layers / f".{python}", site.layers / python] if python else []
    return next((str(place / "python/bin/python3") for place in places if place.is_dir()), OWN)


def _fetch_one(site: Site, machine: Machine, digest: str, url: str, size: int | None) -> int:
    packed, unpacked = site.layers / f".{digest}.tar.zst", site.layers / f".{digest}"
    try:
        _download(url, packed, digest, machine, most=_packed(size))
        moved = packed.stat().st_size
        unpacked.mkdir()
        _unpack(packed, unpacked, digest=digest, size=size)
        packed.unlink()
        return moved
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(site.layers, f"layer {digest[:12]} was unpacked") from None


def _packed(size: int | None) -> int:
    """The most that a layer of this size can be when it is packed: what cannot be pressed grows a little."""
    return UNKNOWN if size is None else size + size // 128 + (1 << 16)


def _full(place: Path, when: str) -> Failure:
    return Failure(f"{place}: the disk filled up while {when}, free some of it or take a larger server-size")


def _damaged(digest: str, what: str) -> Failure:
    way_out = "run pulumi up again, it brings the layer anew"
    return Failure(f"layer {digest[:12]}: is damaged ({what}), {way_out}", damaged=digest)


def _download(url: str, packed: Path, digest: str, machine: Machine, *, most: int) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            return _download_once(url, packed, digest, most=most)
        except urllib.error.HTTPError as error:
            final = error.code < 500 and error.code != 429
            if final or attempt == TRIES:
                way_out = "run pulumi up again, it brings what the bucket lacks"
                raise Failure(
                    f"layer {digest[:12]}: the bucket answered {error.code} {error.reason}, {way_out}"
                ) from None
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise
            if attempt == TRIES:
                reason = getattr(error, "reason", error)
                raise Failure(f"layer {digest[:12]}: cannot be fetched ({reason})") from None
        machine.pause(0.5 * attempt**2)


def _download_once(url: str, packed: Path, digest: str, *, most: int) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, open(packed, "wb") as file:
        expected = int(answer.headers.get("Content-Length") or 0)
        while (piece := answer.read(CHUNK)) and file.tell() <= most:
            file.write(piece)
        if max(expected, file.tell()) > most:
            raise _damaged(digest, f"{max(expected, file.tell())} bytes, at most {most} by its manifest")
        if expected and file.tell() != expected:
            raise OSError(f"{file.tell()} of {expected} bytes arrived")


def _unpack(packed: Path, directory: Path, *, digest: str, size: int | None) -> None:
    """Unpack, bound and hash in one pass; whatever is not as it should be is a Failure."""
    with subprocess.Popen(["zstd", "-dcq", str(packed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        hashing = _Hashing(zstd.stdout, digest, most=UNKNOWN if size is None else size)
        try:
            with tarfile.open(fileobj=hashing, mode="r|", bufsize=CHUNK) as archive:
                unpack(archive, directory)
            hashing.exhaust()
        except Foreign as foreign:
            raise Failure(f"layer {digest[:12]}: {foreign}, build the artifact anew") from None
        except tarfile.TarError as error:
            raise _damaged(digest, f"no archive: {error}") from None
        finally:
            zstd.kill()  # nothing, when it has ended
    if (found := hashing.digest.hexdigest()) != digest:
        raise _damaged(digest, f"holds sha256 {found[:12]}")


class _Hashing(io.RawIOBase):
    """Hashes what passes by, and lets no more pass than there should be."""

    def __init__(self, source: IO[bytes], name: str, *, most: int) -> None:
        self.source = source
        self.name = name
        self.most = most
        self.passed = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.passed += len(data)
        if self.passed > self.most:
            raise _damaged(self.name, f"more than the {self.most} bytes of its manifest")
        self.digest.update(data)
        return data

    def exhaust(self) -> None:
        while self.read(CHUNK):
            pass
