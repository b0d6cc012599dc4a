"""Bodies on their way in: taken out of their chunks, and held to the checksums that came with them."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import IO, Any, Protocol

from rehearsal.cloud.s3.errors import S3Error

BLOCK = 1 << 18
HEX = re.compile(r"[0-9a-f]{64}")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self.value = 0

    def update(self, data: bytes, /) -> None:
        self.value = zlib.crc32(data, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")


CHECKSUMS: dict[str, Callable[[], Any]] = {
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": hashlib.sha1,
    "x-amz-checksum-sha256": hashlib.sha256,
}


class Body:
    """A request's body; `blocks` gives the plain bytes, the last of them only when all are what was said."""

    def __init__(self, stream: IO[bytes], headers: Mapping[str, str]) -> None:
        self.stream = stream
        self.headers = headers
        self.payload = headers.get("x-amz-content-sha256", "")
        self.chunked = self.payload.startswith("STREAMING-")
        self.trailers: dict[str, str] = {}
        self.length = _length(headers, "x-amz-decoded-content-length" if self.chunked else "content-length")

    @classmethod
    def of(cls, text: bytes) -> Body:
        """Give a body with a text of ours."""
        return cls(BytesIO(text), {"content-length": str(len(text))})

    def whole(self) -> bytes:
        """Give the body in one piece, checked."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """Give the body, its last block only once everything has been checked."""
        digests = self._digests()
        held, seen = b"", 0
        for block in self._chunks() if self.chunked else self._plain(self.length):
            for digest in digests.values():
                digest.update(block)
            seen += len(block)
            if held:
                yield held
            held = block
        self._check(digests, seen)
        if held:
            yield held

    def _digests(self) -> dict[str, _Digest]:
        promised = {*self.headers, *self.headers.get("x-amz-trailer", "").lower().split(",")}
        wanted = {name: make() for name, make in CHECKSUMS.items() if name in promised}
        if HEX.fullmatch(self.payload):
            wanted["x-amz-content-sha256"] = hashlib.sha256()
        if "content-md5" in self.headers:
            wanted["content-md5"] = hashlib.md5(usedforsecurity=False)
        return wanted

    def _check(self, digests: Mapping[str, _Digest], seen: int) -> None:
        if seen != self.length:
            raise S3Error(400, "IncompleteBody", f"The body should have {self.length} bytes (got {seen})")
        for name, digest in digests.items():
            said = self.trailers.get(name) or self.headers.get(name)
            if name == "x-amz-content-sha256":
                if digest.digest().hex() != said:
                    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
                    raise S3Error(400, "XAmzContentSHA256Mismatch", message)
            elif base64.b64encode(digest.digest()).decode() != said:
                raise S3Error(400, "BadDigest", f"The {name} you specified did not match what we received.")

    def _plain(self, left: int) -> Iterator[bytes]:
        while left > 0:
            block = self.stream.read(min(BLOCK, left))
            if not block:
                return
            left -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := self._size():
            yield from self._plain(size)
            if self.stream.read(2) != b"\r\n":
                raise _malformed()
        while line := self._line():
            name, _, value = line.partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _size(self) -> int:
        try:
            return int(self._line().partition(";")[0], 16)
        except ValueError:
            raise _malformed() from None

    def _line(self) -> str:
        return self.stream.readline(1 << 13).decode("latin-1").rstrip("\r\n")


def _length(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if text.isdigit():
        return int(text)
    if "transfer-encoding" in headers or name != "content-length":
        raise S3Error(411, "MissingContentLength", f"You must provide the {name} HTTP header.")
    return 0


def _malformed() -> S3Error:
    return S3Error(400, "InvalidRequest", "The body is not in chunks as its headers say")
