"""What a prober sends: one page over and over, or kinds of requests in their shares, as visitors mix them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Kind", "Mixed", "Request", "Same", "Traffic"]

_STEP = 0.6180339887498949  # the golden section: every stretch of numbers holds the kinds in nearly their shares
LARGEST = 4_000_000  # bytes


@dataclass(frozen=True)
class Request:
    """One request, and what its answer has to contain."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    expect: bytes = b""
    kind: str = ""


@dataclass(frozen=True)
class Same:
    """The page, and with every tenth request the question which release answers."""

    path: str
    release_path: str | None = None
    expect: bytes = b""

    def request(self, number: int) -> Request:
        """The request of this number."""
        if self.release_path and number % 10 == 0:
            return Request(self.release_path)
        return Request(self.path, expect=self.expect)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of request: its share of all, and what it is; `{number}` in its path is the request's own."""

    name: str
    share: float
    path: str
    size: int = 0  # bytes of a POST; 0 is a GET
    expect: str = ""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Kind:
        """Read one kind; a size beyond bounds is a ValueError."""
        kind = cls(**raw)
        if not 0 <= kind.size <= LARGEST:
            raise ValueError(f"{kind.name}: size should be at most {LARGEST} bytes (got {kind.size})")
        return kind

    def request(self, number: int) -> Request:
        """This kind's request of this number."""
        path = self.path.replace("{number}", str(number))
        body = _body(self.size) if self.size else None
        return Request(path, "POST" if self.size else "GET", body, self.expect.encode(), self.name)


@dataclass(frozen=True)
class Mixed:
    """Several kinds, each with its share; the same number is always the same request."""

    kinds: Sequence[Kind]

    @classmethod
    def read(cls, file: Path) -> Mixed:
        """Read a JSON list of kinds; shares that are not a whole are a ValueError."""
        kinds = tuple(Kind.parse(raw) for raw in json.loads(file.read_text()))
        if abs((whole := sum(kind.share for kind in kinds)) - 1) > 1e-6:
            raise ValueError(f"{file}: shares should add up to 1 (got {whole:g})")
        return cls(kinds)

    def request(self, number: int) -> Request:
        """The request of this number."""
        place = number * _STEP % 1
        for kind in self.kinds:
            place -= kind.share
            if place < 0:
                return kind.request(number)
        return self.kinds[-1].request(number)


Traffic = Same | Mixed


@lru_cache(maxsize=8)
def _body(size: int) -> bytes:
    """Bytes no compression makes small on the way."""
    return bytes((at * 197 + at // 251) % 256 for at in range(size))
