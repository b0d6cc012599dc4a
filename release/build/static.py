"""The static layer: collected files, and compressed copies of the texts beside them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import zstandard

from release.build.cache import Cache, canonical
from release.build.layers import Member, pack

# fmt: off
TEXTS = frozenset({
    ".css", ".js", ".mjs", ".cjs", ".json", ".map", ".svg", ".html", ".htm", ".txt", ".xml", ".md",
    ".webmanifest", ".wasm", ".ttf", ".otf", ".eot", ".ico", ".geojson", ".csv",
})
# fmt: on
SMALLEST = 1024
VERSION = 2
# Both come with slipway, at one version everywhere. Not gzip: each Python brings a zlib of its own, which writes other
# bytes, and so another artifact. Caddy compresses for who takes nothing else.
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zst": lambda content: zstandard.ZstdCompressor(level=19, write_content_size=True).compress(content),
    "br": lambda content: brotli.compress(content, quality=9),
}


def pack_static(*, cache: Cache, directory: Path) -> str:
    """The static layer of a collected directory; the same files are compressed and packed once."""
    normalise(directory)
    files = {file.relative_to(directory).as_posix(): file.read_bytes() for file in collected(directory)}
    listing = [[path, hashlib.sha256(content).hexdigest()] for path, content in sorted(files.items())]
    key = hashlib.sha256(canonical([VERSION, listing])).hexdigest()
    known = cache.read(kind="static", key=key)
    if not known or not cache.path(kind="layers", name=f"{known}.tar.zst").exists():
        known = pack(cache=cache, members=members(cache=cache, files=files))
        cache.write(kind="static", key=key, value=known)
    return str(known)


def normalise(directory: Path) -> None:
    """Django writes its manifest in the order in which files were found; ours has one order only."""
    manifest = directory / "staticfiles.json"
    if manifest.exists():
        manifest.write_bytes(canonical(json.loads(manifest.read_bytes())))


def collected(directory: Path) -> Iterator[Path]:
    return (file for file in directory.rglob("*") if file.is_file()) if directory.exists() else iter(())


def members(*, cache: Cache, files: dict[str, bytes]) -> list[Member]:
    plain = [Member(path=f"static/{path}", content=content) for path, content in files.items()]
    texts = {path: content for path, content in files.items() if is_text(path) and len(content) > SMALLEST}
    with ThreadPoolExecutor(max_workers=2) as pool:  # the compressors work outside the interpreter lock
        contents = {hashlib.sha256(content).hexdigest(): content for content in texts.values()}
        compressed = dict(zip(contents, pool.map(lambda item: variants(cache, *item), contents.items()), strict=True))
    sides = [
        Member(path=f"static/{path}.{suffix}", content=side)
        for path, content in texts.items()
        for suffix, side in compressed[hashlib.sha256(content).hexdigest()].items()
        if f"{path}.{suffix}" not in files
    ]
    return plain + sides


def variants(cache: Cache, digest: str, content: bytes) -> dict[str, bytes]:
    """Every encoding of a text that makes it smaller."""
    found = {suffix: encoded(cache=cache, name=f"{digest}-{VERSION}.{suffix}", content=content) for suffix in ENCODERS}
    return {suffix: side for suffix, side in found.items() if len(side) < len(content)}


def encoded(*, cache: Cache, name: str, content: bytes) -> bytes:
    path = cache.path(kind="sides", name=name)
    if not path.exists():
        cache.put(kind="sides", name=name, content=ENCODERS[name.rpartition(".")[2]](content))
    return path.read_bytes()


def is_text(path: str) -> bool:
    return Path(path).suffix.lower() in TEXTS and path != "staticfiles.json"
