"""The pieces of a layer: one that is whole, or patches over a layer that lies here or over what came before them.

Only the layer they give has a digest to be held against; until then nothing of them is more than bytes.
"""

from __future__ import annotations

import errno
import http.client
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from ..archive import laid_out, write
from .failure import Failure
from .machine import Machine
from .site import Site

__all__ = ["CHUNK", "UNKNOWN", "Pieces", "Way", "damaged"]

TRIES = 4
TIMEOUT = 30  # seconds without a byte
UNKNOWN = 1 << 33  # bytes a layer may have whose size nobody tells
BETWEEN = 1 << 26  # bytes of what a patch is over
CHUNK = 1 << 20
# base (a layer, "" for a piece that is whole) and url of each, the first one first
Way = Sequence[Mapping[str, str]]


class Pieces:
    """What arrives of one layer, beside its place and under hidden names."""

    def __init__(self, site: Site, machine: Machine, digest: str, *, size: int | None) -> None:
        self.layers, self.digest, self.size = site.layers, digest, size
        self._machine = machine
        self._packed, self._base, self._next = (site.layers / f".{digest}.{kind}" for kind in ("zst", "base", "next"))
        self.moved = 0  # bytes

    def command(self, way: Way) -> list[str]:
        """Fetch all of them; what to run for the layer's archive."""
        if base := way[0]["base"]:
            with self._base.open("wb") as file:
                write(file=file, members=laid_out(self.layers / base))
        for piece in way[:-1]:
            self._fetch(piece["url"])
            self._apply()
        self._fetch(way[-1]["url"])
        return self._zstd()

    def clear(self) -> None:
        """Take away what the layer was made of."""
        for path in (self._packed, self._base, self._next):
            path.unlink(missing_ok=True)

    def _zstd(self) -> list[str]:
        over = [f"--patch-from={self._base}"] if self._base.exists() else []
        return ["zstd", "-dcq", *over, str(self._packed)]

    def _apply(self) -> None:
        """What has arrived so far is what the next piece is over."""
        with (
            self._next.open("wb") as file,
            subprocess.Popen(self._zstd(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as zstd,
        ):
            assert zstd.stdout is not None
            while (piece := zstd.stdout.read(CHUNK)) and file.tell() <= BETWEEN:
                file.write(piece)
            zstd.kill()  # nothing, when it has ended
        if self._next.stat().st_size > BETWEEN:
            raise damaged(self.digest, f"more than {BETWEEN} bytes before its last patch")
        os.replace(self._next, self._base)

    def _fetch(self, url: str) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._fetch_once(url)
                self.moved += self._packed.stat().st_size
                return
            except urllib.error.HTTPError as error:
                if (error.code < 500 and error.code != 429) or attempt == TRIES:
                    raise self._refused(error) from None
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                    raise
                if attempt == TRIES:
                    reason = getattr(error, "reason", error)
                    raise Failure(f"layer {self.digest[:12]}: cannot be fetched ({reason})") from None
            self._machine.pause(0.5 * attempt**2)

    def _fetch_once(self, url: str) -> None:
        most = _packed(self.size)
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, self._packed.open("wb") as file:
            expected = int(answer.headers.get("Content-Length") or 0)
            while (piece := answer.read(CHUNK)) and file.tell() <= most:
                file.write(piece)
            if max(expected, file.tell()) > most:
                raise damaged(self.digest, f"{max(expected, file.tell())} bytes, at most {most} by its manifest")
            if expected and file.tell() != expected:
                raise OSError(f"{file.tell()} of {expected} bytes arrived")

    def _refused(self, error: urllib.error.HTTPError) -> Failure:
        way_out = "run pulumi up again, it brings what the bucket lacks"
        answer = f"the bucket answered {error.code} {error.reason}"
        return Failure(f"layer {self.digest[:12]}: {answer}, {way_out}")


def damaged(digest: str, what: str) -> Failure:
    """A layer that is not what its name says."""
    way_out = "run pulumi up again, it brings the layer anew"
    return Failure(f"layer {digest[:12]}: is damaged ({what}), {way_out}", damaged=digest)


def _packed(size: int | None) -> int:
    """The most that a piece of a layer of this size can be: what cannot be pressed grows a little."""
    return UNKNOWN if size is None else size + size // 128 + (1 << 16)
