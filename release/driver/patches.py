"""Patches: what makes one content of another, as `zstd --patch-from` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zstandard

__all__ = ["LARGEST", "apply", "make"]

LARGEST = 32 << 20  # bytes of a content that is patched: both of them have to fit into a small server's memory
# The first that searches all of a dictionary: 44 bytes for a line in 120 kB of code, where level 10 takes 769.
LEVEL = 16


def make(content: bytes, *, base: bytes) -> bytes:
    """The patch over a base."""
    import zstandard

    reach = (len(content) + len(base)).bit_length()
    chosen = zstandard.ZstdCompressionParameters.from_level(
        LEVEL, source_size=len(content), dict_size=len(base), window_log=max(zstandard.WINDOWLOG_MIN, reach)
    )
    return zstandard.ZstdCompressor(compression_params=chosen, dict_data=_dictionary(base)).compress(content)


def apply(patch: bytes, *, base: bytes) -> bytes:
    """The content; ZstdError where that is none."""
    import zstandard

    if zstandard.get_frame_parameters(patch).content_size > 2 * LARGEST:
        raise zstandard.ZstdError("too large for a patch")
    unpacking = zstandard.ZstdDecompressor(dict_data=_dictionary(base), max_window_size=4 * LARGEST)
    return unpacking.decompress(patch)


def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    import zstandard

    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
