"""Names made from the engine's random seed, digit for digit as the official plugins make them."""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Iterator

_WORD = 0xFFFFFFFF
_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_QUARTERS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


def automatic(*, logical: str, seed: bytes, digits: int = 7) -> str:
    """`<logical>-<hex digits>`: the same seed gives the same name."""
    return f"{logical}-{_seeded_hex(seed, digits) if seed else unique(digits)}"


def unique(digits: int = 8) -> str:
    """Random hex digits that no seed repeats."""
    return secrets.token_hex(digits)[:digits]


def _seeded_hex(seed: bytes, digits: int) -> str:
    # Go's ChaCha8 generator, keyed by the seed's SHA-256; a hex digit takes the lowest four bits of a 64-bit number.
    words = _low_words(hashlib.sha256(seed).digest())
    return "".join(f"{next(words) & 15:x}" for _ in range(digits))


def _low_words(key: bytes) -> Iterator[int]:
    """The lower halves of the generator's first 64-bit numbers: four blocks lie interleaved, word by word."""
    blocks = [_permuted(key, counter) for counter in (0, 2)]
    for row in range(4):  # further rows would need the key added back; four rows are eight digits
        for block in blocks:
            yield block[row]


def _permuted(key: bytes, counter: int) -> list[int]:
    block = [*_CONSTANTS, *struct.unpack("<8I", key), counter, 0, 0, 0]
    for _ in range(4):
        for quarter in _QUARTERS:
            _quarter_round(block, *quarter)
    return block


def _quarter_round(block: list[int], a: int, b: int, c: int, d: int) -> None:
    for left, right, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        block[left] = (block[left] + block[right]) & _WORD
        mixed = block[turned] ^ block[left]
        block[turned] = (mixed << bits | mixed >> (32 - bits)) & _WORD
