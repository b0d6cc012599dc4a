"""A builder's cache, a release bucket and a server's layers: what a change of a project sends and what arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from release.bucket import Bucket
from release.build.artifact import save
from release.build.cache import Cache
from release.build.layers import Member, pack, size
from release.driver import provenance as beside
from release.driver.layers import bring
from release.driver.rollout import _presigning
from release.driver.stock import Stock
from release.host.agent import layers
from release.host.agent.site import Site
from tests.release.driver.world import client
from tests.release.host.bench import Recorded

PACKAGES = [{"name": f"package-{n}", "version": "1.0", "hashes": [f"sha256:{n:064}"]} for n in range(60)]


@dataclass
class Builder:
    """Makes artifacts of trees, and brings them into buckets."""

    cache: Cache
    site: Site
    machine: Recorded

    def artifact(self, code: Mapping[str, bytes], **others: Mapping[str, bytes]) -> str:
        """An artifact of this code; its other layers are the same every time unless they are given."""
        trees = {"dependencies": {"site-packages/x.py": b"1\n" * 4000}, "static": {"static/x.css": b"y"}, **others}
        return self.of({name: self.layer(files) for name, files in {**trees, "code": code}.items()})

    def layer(self, files: Mapping[str, bytes]) -> str:
        return pack(cache=self.cache, members=[Member(path, content=content) for path, content in files.items()])

    def of(self, digests: Mapping[str, str]) -> str:
        """The artifact of these layers, with its record."""
        sizes = {name: size(cache=self.cache, layer=digest) for name, digest in digests.items()}
        heads = {"auth": ["0012_alter_user_first_name_max_length"], "pictures": ["0001_initial"]}
        manifest = {"format": 2, "layers": dict(digests), "sizes": sizes, "root": "", "migrations": heads}
        manifest |= {"python": "3.13", "platform": "x86_64-manylinux_2_28", "wsgi": "gallery.wsgi", "django": "5.2.19"}
        artifact = save(cache=self.cache, manifest=manifest)
        record = {"format": 1, "artifact": artifact, "commit": "c" * 40, "dirty": False, "settings": "gallery.settings"}
        builder = {"platform": "linux", "python": "3.13.5", "slipway": "37aa4a625e63", "uv": "0.13.8"}
        record |= {"built": "2026-11-21T22:21:51Z", "builder": builder, "dependencies": PACKAGES}
        self.cache.write(kind="artifacts", key=artifact, value=record)
        return artifact

    def manifest(self, artifact: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cache.read(kind="manifests", key=artifact)
        return found

    def release(self, artifact: str, bucket: dict[str, str], *, source: dict[str, str] | None = None) -> Sent:
        """Bring it into the bucket; what the storage says has come."""
        before = stored(bucket)
        stock, origin = Stock.of(Bucket.parse(bucket)), Bucket.parse(source) if source else None
        assert beside.bring(artifact, stock=stock, source=origin) == []
        bring(artifact, stock=stock, source=origin)
        came = {key: size for key, (size, at) in stored(bucket).items() if before.get(key) != (size, at)}
        return Sent(came, counted=stock.sent)

    def serve(self, artifact: str, bucket: dict[str, str], *, here: Iterable[str] | None = None) -> layers.Fetched:
        """Fetch what the server lacks, as it is given what it has; in place afterwards unless it did not fit."""
        wanted = self.manifest(artifact)["layers"]
        need, known = layers.missing(self.site, wanted), layers.here(self.site) if here is None else list(here)
        ways = _presigning(Stock.of(Bucket.parse(bucket)))(need, known)
        found = layers.fetch(self.site, self.machine, ways=ways, sizes={}, heed=lambda: None)
        layers.settle(self.site, self.machine, [each for each in need if each not in found.unfit], wanted=wanted)
        return found


@dataclass(frozen=True)
class Sent:
    """The objects that came into a bucket, with their bytes, and how many the driver says it has sent."""

    objects: Mapping[str, int]
    counted: int

    @property
    def bytes(self) -> int:
        return sum(self.objects.values())

    def of(self, folder: str) -> dict[str, int]:
        return {key: size for key, size in self.objects.items() if key.startswith(folder)}


def stored(bucket: dict[str, str]) -> dict[str, tuple[int, Any]]:
    """Bytes and time of every object, asked of the storage itself."""
    found = client(bucket).list_objects_v2(Bucket=bucket["name"]).get("Contents", ())
    return {each["Key"]: (each["Size"], each["LastModified"]) for each in found}


def compressed(*contents: bytes) -> int:
    """Bytes of changed files, pressed as an artifact presses them."""
    return len(zstandard.compress(b"".join(contents), level=10))


def tree(root: Path, *patterns: str) -> dict[str, bytes]:
    """Files below a directory, as a code layer has them."""
    files = sorted(path for pattern in patterns for path in root.rglob(pattern) if path.is_file())
    return {f"src/{path.relative_to(root).as_posix()}": path.read_bytes() for path in files}


def on_disk(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }
