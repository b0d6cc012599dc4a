"""What goes over the line: a dump in pieces, each with its length before it, and JSON lines around it.

The length of nothing ends the pieces; without it and the line behind it a dump is no dump.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from .failure import Failure

__all__ = ["PIECE", "hear", "send_end", "send_piece", "tell", "whole"]

PIECE = 1 << 18


def tell(out: BinaryIO, **message: Any) -> None:
    """One JSON line."""
    out.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    out.flush()


def hear(line: bytes) -> Mapping[str, Any]:
    """Read one JSON line."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise Failure(f"the other side should say one JSON object a line (got {line[:60]!r})")
    return message


def send_piece(out: BinaryIO, piece: bytes) -> None:
    """One piece of a dump; an empty one would be its end."""
    if piece:
        out.write(len(piece).to_bytes(4, "big") + piece)


def send_end(out: BinaryIO) -> None:
    """No more pieces."""
    out.write(bytes(4))
    out.flush()


def whole(incoming: BinaryIO, size: int) -> Iterator[bytes]:
    """Exactly so many bytes in pieces; a line that ends before is a failure, not an end."""
    left = size
    while left:
        piece = incoming.read(min(PIECE, left))
        if not piece:
            raise Failure(f"the line ended {left} bytes early, try again")
        left -= len(piece)
        yield piece
