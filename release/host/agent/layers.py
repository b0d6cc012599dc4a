"""Layers: fetched by digest, verified while they unpack, compiled once, never changed again.

Whatever arrives lies under a hidden name until all of it is verified: nothing of a layer is run or served before.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..contained import Foreign, unpack
from .failure import Failure
from .interpreter import OWN
from .machine import Machine
from .pieces import CHUNK, UNKNOWN, Pieces, Way, damaged
from .site import Site

__all__ = ["Fetched", "fetch", "here", "missing", "settle", "sweep"]


def missing(site: Site, wanted: Mapping[str, str]) -> list[str]:
    """The digests this machine lacks."""
    return sorted({digest for digest in wanted.values() if not (site.layers / digest).is_dir()})


def sweep(site: Site) -> None:
    """Take away what is not verified, or not compiled: of an agent that failed or was killed."""
    for left in site.layers.glob(".*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def here(site: Site) -> list[str]:
    """The layers in place: what a patch may be over."""
    return sorted(path.name for path in site.layers.iterdir() if not path.name.startswith("."))


@dataclass(frozen=True)
class Fetched:
    """Bytes that came, and the layers that were not what they should be over those that lie here."""

    moved: int
    unfit: list[str]


def fetch(
    site: Site, machine: Machine, *, ways: Mapping[str, Way], sizes: Mapping[str, int], heed: Callable[[], None]
) -> Fetched:
    """Bring these layers in, beside their place and under hidden names; none may be larger than its size."""
    all_pieces = {digest: Pieces(site, machine, digest, size=sizes.get(digest)) for digest in sorted(ways)}
    unfit = []
    with ThreadPoolExecutor(max_workers=3) as pool:
        found = {digest: pool.submit(_fits, pieces, way=ways[digest]) for digest, pieces in all_pieces.items()}
        for digest, fits in found.items():
            unfit += [] if fits.result() else [digest]
            heed()
    return Fetched(sum(pieces.moved for pieces in all_pieces.values()), unfit)


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


def _fits(pieces: Pieces, *, way: Way) -> bool:
    """Fetch and unpack one layer; whether what lies here was what it is a patch over."""
    unpacked = pieces.layers / f".{pieces.digest}"
    try:
        command = pieces.command(way)
        unpacked.mkdir()
        _unpack(command, unpacked, digest=pieces.digest, size=pieces.size)
        return True
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(pieces.layers, f"layer {pieces.digest[:12]} was unpacked") from None
    except Failure as failure:
        if not (failure.damaged and way[0]["base"]):
            raise
        shutil.rmtree(unpacked, ignore_errors=True)
        return False
    finally:
        pieces.clear()


def _full(place: Path, when: str) -> Failure:
    return Failure(f"{place}: the disk filled up while {when}, free some of it or take a larger server-size")


def _unpack(command: Sequence[str], directory: Path, *, digest: str, size: int | None) -> None:
    """Unpack, bound and hash in one pass; whatever is not as it should be is a Failure."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        hashing = _Hashing(zstd.stdout, digest, most=UNKNOWN if size is None else size)
        try:
            with tarfile.open(fileobj=hashing, mode="r|", bufsize=CHUNK) as archive:
                unpack(archive, directory)
            hashing.exhaust()
        except Foreign as foreign:
            raise Failure(f"layer {digest[:12]}: {foreign}, build the artifact anew") from None
        except tarfile.TarError as error:
            raise damaged(digest, f"no archive: {error}") from None
        finally:
            zstd.kill()  # nothing, when it has ended
    if (found := hashing.digest.hexdigest()) != digest:
        raise damaged(digest, f"holds sha256 {found[:12]}")


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
            raise damaged(self.name, f"more than the {self.most} bytes of its manifest")
        self.digest.update(data)
        return data

    def exhaust(self) -> None:
        while self.read(CHUNK):
            pass
