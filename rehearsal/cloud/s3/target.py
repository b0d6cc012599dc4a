"""What a request is about: bucket, key and region, in either style of address."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from rehearsal.cloud.s3.errors import S3Error


@dataclass(frozen=True, kw_only=True)
class Target:
    """Path and query stay as they were sent: signatures are over them."""

    method: str
    host: str
    region: str
    bucket: str
    raw_key: str
    raw_path: str
    query: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """Give the object's name, decoded."""
        return unquote(self.raw_key)

    @property
    def inner_path(self) -> str:
        """Give the path in the style with the bucket in it."""
        return f"/{self.bucket}/{self.raw_key}" if self.raw_key else f"/{self.bucket}"

    def asked(self, name: str) -> str | None:
        """Give a query parameter."""
        return next((value for key, value in self.query if key == name), None)


def parse(*, method: str, host: str, uri: str, domain: str, regions: Collection[str]) -> Target:
    """Take a request line and a Host header apart."""
    if "://" in uri.partition("?")[0]:  # a client that takes us for its proxy
        uri = "/" + uri.split("://", 1)[1].partition("/")[2]
    raw_path, _, raw_query = uri.partition("?")
    name = host.partition(":")[0].lower()
    front = name.removesuffix(f".{domain}").split(".")
    if front[-1] not in regions:
        raise S3Error(400, "InvalidURI", f"{name} is not the name of a bucket or a region")
    if len(front) > 1:
        bucket, raw_key = ".".join(front[:-1]), raw_path[1:]
    else:
        bucket, _, raw_key = raw_path[1:].partition("/")
    return Target(
        method=method,
        host=host,
        region=front[-1],
        bucket=unquote(bucket),
        raw_key=raw_key,
        raw_path=raw_path or "/",
        query=tuple(parse_qsl(raw_query, keep_blank_values=True)),
    )
