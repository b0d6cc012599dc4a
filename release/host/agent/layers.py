"""Layers: fetched by digest, verified while they unpack, compiled once, never changed again."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from .failure import Failure
from .interpreter import OWN
from .machine import Machine
from .site import Site

__all__ = ["fetch", "missing", "settle"]

TRIES = 4
TIMEOUT = 30  # seconds without a byte
HEADROOM = 6  # times the size of what is fetched, packed as it is


def missing(site: Site, wanted: Mapping[str, str]) -> list[str]:
    """The digests this machine lacks."""
    return sorted({digest for digest in wanted.values() if not (site.layers / digest).is_dir()})


def fetch(site: Site, machine: Machine, *, urls: Mapping[str, str], heed: Callable[[], None]) -> None:
    """Bring the layers at these URLs in, beside their place and under hidden names."""
    for left in site.layers.glob(".*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    with ThreadPoolExecutor(max_workers=3) as pool:
        for done in [pool.submit(_fetch_one, site, machine, digest, url) for digest, url in sorted(urls.items())]:
            done.result()
            heed()


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
    machine.run([_compiler(site, python), "-m", "compileall", *options, *compiled], check=False)
    machine.run(["sync", "--file-system", str(site.layers)])
    for path in new:
        os.rename(path, site.layers / os.path.basename(path)[1:])


def _compiler(site: Site, python: str) -> str:
    """The release's own interpreter, in its place or about to be there."""
    places = [site.layers / f".{python}", site.layers / python] if python else []
    return next((str(place / "python/bin/python3") for place in places if place.is_dir()), OWN)


def _fetch_one(site: Site, machine: Machine, digest: str, url: str) -> None:
    packed = site.layers / f".{digest}.tar.zst"
    unpacked = site.layers / f".{digest}"
    _download(url, packed, digest, machine)
    unpacked.mkdir()
    found = _unpack(packed, unpacked)
    packed.unlink()
    if found != digest:
        shutil.rmtree(unpacked)
        raise Failure(f"layer {digest[:12]}: should have that digest (got {found[:12]}), upload it anew with pulumi up")


def _download(url: str, packed: Path, digest: str, machine: Machine) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            return _download_once(url, packed)
        except urllib.error.HTTPError as error:
            final = error.code < 500 and error.code != 429
            if final or attempt == TRIES:
                raise Failure(f"layer {digest[:12]}: the bucket answered {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            if attempt == TRIES:
                reason = getattr(error, "reason", error)
                raise Failure(f"layer {digest[:12]}: cannot be fetched ({reason})") from None
        machine.pause(0.5 * attempt**2)


def _download_once(url: str, packed: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, open(packed, "wb") as file:
        expected = int(answer.headers.get("Content-Length") or 0)
        _refuse_full_disk(packed.parent, expected)
        shutil.copyfileobj(answer, file, 1 << 20)
        if expected and file.tell() != expected:
            raise OSError(f"{file.tell()} of {expected} bytes arrived")


def _refuse_full_disk(directory: Path, size: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < size * HEADROOM:
        raise Failure(
            f"{directory}: should have {size * HEADROOM >> 20} MiB free (got {free >> 20}), take a larger size"
        )


def _unpack(packed: Path, directory: Path) -> str:
    """Unpack and hash in one pass; the digest of the tar."""
    with subprocess.Popen(["zstd", "-dcq", str(packed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as zstd:
        assert zstd.stdout is not None
        hashing = _Hashing(zstd.stdout)
        try:
            with tarfile.open(fileobj=hashing, mode="r|", bufsize=1 << 20) as archive:
                archive.extraction_filter = _as_root
                archive.extractall(directory)
        except tarfile.TarError as error:
            zstd.kill()
            raise Failure(f"layer {directory.name[1:13]}: is not an archive ({error})") from None
        hashing.exhaust()
    return hashing.digest.hexdigest()


def _as_root(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    """Nothing leaves the directory, nothing but root may write; a new time, for Caddy makes its ETags of it."""
    safe = tarfile.data_filter(member, path)
    mode = 0o755 if safe.isdir() else (safe.mode or 0o644) & 0o755 | 0o444
    return safe.replace(mode=mode, mtime=int(time.time()), uid=0, gid=0, uname="", gname="", deep=False)


class _Hashing(io.RawIOBase):
    """Hashes what passes by."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.digest.update(data)
        return data

    def exhaust(self) -> None:
        while self.read(1 << 20):
            pass
