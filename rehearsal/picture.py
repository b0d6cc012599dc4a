"""A picture to upload: a small harbour at dusk, drawn with the standard library alone."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

Colour = tuple[float, float, float]
SKY: tuple[Colour, ...] = ((38, 56, 96), (150, 86, 108), (240, 150, 92), (252, 214, 150))
SEA: tuple[Colour, ...] = ((214, 142, 104), (70, 92, 112), (18, 44, 58))
SAIL: Colour = (250, 242, 228)
HULL: Colour = (44, 34, 38)


def draw(path: Path, *, width: int = 960, height: int = 640) -> Path:
    """Write the picture as a PNG."""
    rows = b"".join(b"\0" + _row(y / height, width=width, ratio=width / height) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def _row(y: float, *, width: int, ratio: float) -> bytes:
    base = _blend(SKY, y / 0.62) if y < 0.62 else _blend(SEA, (y - 0.62) / 0.38)
    return b"".join(bytes(map(int, _point(x / width * ratio, y, base))) for x in range(width))


def _point(x: float, y: float, base: Colour) -> Colour:
    if shape := _boat(x, y):
        return shape
    if y < 0.62:
        return _towards(base, (255, 236, 190), 1 / (1 + 260 * ((x - 1.08) ** 2 + (y - 0.5) ** 2)))
    ripple = max(0.0, math.sin(170 * y * y + 1.5 * math.sin(19 * x) + 2 * math.sin(5 * x)))
    return _towards(base, (255, 214, 150), ripple * 0.5 / (1 + 60 * (x - 1.08) ** 2))


def _boat(x: float, y: float) -> Colour | None:
    if 0.66 < y < 0.7 and abs(x - 0.5) < 0.17 - (y - 0.66):
        return HULL
    if 0.22 < y < 0.645 and (0.51 < x < 0.51 + (y - 0.22) * 0.34 or 0.49 > x > 0.49 - (y - 0.22) * 0.42):
        return SAIL
    return HULL if abs(x - 0.5) < 0.004 and 0.2 < y < 0.67 else None


def _blend(colours: tuple[Colour, ...], at: float) -> Colour:
    place = min(max(at, 0.0), 0.999) * (len(colours) - 1)
    return _towards(colours[int(place)], colours[int(place) + 1], place % 1)


def _towards(one: Colour, other: Colour, share: float) -> Colour:
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
