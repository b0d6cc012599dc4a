"""One bucket over S3, with a key that opens only it; botocore is loaded at the first call that needs it."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from release.live import trusted_certificates

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.paginator import ListObjectsV2Paginator
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef

__all__ = ["ACL", "Bucket", "BucketError", "Refused", "Stored", "Version"]

CHUNK = 1 << 20
SKEWED = "RequestTimeTooSkewed"
WAYS_OUT = {
    "AccessDenied": "see at the cloud what its key may do",
    "SlowDown": "the same again in a minute goes on",
}
NEW_KEY_PATIENCE = 15.0  # seconds: a key made a moment ago may still be unknown to the storage
ACL = Literal["private", "public-read"]
Result = TypeVar("Result")


class BucketError(Exception):
    """The bucket refused or could not be reached; the text says which and why."""


@dataclass(frozen=True)
class Stored:
    """An object as a listing tells it; its date is the storage's own."""

    key: str
    size: int
    tag: str
    at: datetime


@dataclass(frozen=True)
class Version:
    """What an object was from a moment on; `deleted` where it was taken away then."""

    key: str
    id: str
    at: datetime
    latest: bool
    tag: str = ""
    deleted: bool = False

    def same_as(self, other: Version) -> bool:
        """Whether both hold the same bytes."""
        return bool(self.tag) and self.tag == other.tag and not other.deleted


@dataclass(frozen=True)
class Bucket:
    """A bucket's name, place and key."""

    name: str
    region: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Bucket:
        """Read the JSON form that the program's outputs and the driver's documents use."""
        return cls(**{name: str(given[name]) for name in ("name", "region", "endpoint", "access_key", "secret_key")})

    def has(self, key: str) -> bool:
        """Whether an object of this key is seen; a limited key may be refused instead of told that it is not there."""
        try:
            return self._head(key)
        except Refused as refused:
            if refused.status == 403:
                return False
            raise

    def get(self, key: str) -> bytes | None:
        """A small object's bytes, None when it is not there."""
        chunks = self.stream(key)
        return None if chunks is None else b"".join(chunks)

    def stream(self, key: str) -> Iterator[bytes] | None:
        """A large object in pieces, None when it is not there."""

        def ask() -> Iterator[bytes] | None:
            try:
                body = self.call(lambda client: client.get_object(Bucket=self.name, Key=key)["Body"])
            except Refused as refused:
                if refused.code == "AccessDenied":  # as in `has`; a key made a moment ago is refused with another code
                    return None
                raise
            return None if body is None else self._pieces(body.iter_chunks(CHUNK))

        return _patiently(ask)

    def objects(self) -> list[Stored]:
        """Everything that is there."""
        found = _patiently(
            lambda: self.call(lambda client: _contents(client.get_paginator("list_objects_v2"), self.name))
        )
        if found is None:
            raise self._gone()
        return found

    def listing(self) -> list[tuple[str, int, str]]:
        """Key, size and entity tag of every object."""
        return [(each.key, each.size, each.tag) for each in self.objects()]

    def remove(self, key: str) -> None:
        """Take one object away; one that is not there is fine."""
        self.call(lambda client: client.delete_object(Bucket=self.name, Key=key))

    def put(
        self, key: str, content: Path | bytes, *, content_type: str = "application/octet-stream", acl: ACL = "private"
    ) -> None:
        """Upload a file, or these bytes, under this key."""

        def send() -> PutObjectOutputTypeDef | None:
            with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as body:
                return self.call(
                    lambda client: client.put_object(
                        Bucket=self.name, Key=key, Body=body, ContentType=content_type, ACL=acl
                    )
                )

        if _patiently(send) is None:
            raise self._gone()

    def versions(self) -> Iterator[Version]:
        """Everything that is there, and what of the past is kept."""
        more: dict[str, Any] = {}
        while True:
            page = self._versions(more)
            for each in page.get("Versions", []):
                yield Version(each["Key"], each["VersionId"], each["LastModified"], each["IsLatest"], each["ETag"])
            for gone in page.get("DeleteMarkers", []):
                at, latest = gone["LastModified"], gone["IsLatest"]
                yield Version(gone["Key"], gone["VersionId"], at, latest, deleted=True)
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    def _versions(self, more: Mapping[str, Any]) -> Mapping[str, Any]:
        page = _patiently(lambda: self.call(lambda client: client.list_object_versions(Bucket=self.name, **more)))
        if page is None:
            raise BucketError(f"bucket {self.name}: is not there (endpoint {self.endpoint}), run pulumi refresh")
        return cast(Mapping[str, Any], page)

    def bring_back(self, version: Version) -> None:
        """An older version becomes the newest; the storage copies it itself, with its type."""
        source: Any = {"Bucket": self.name, "Key": version.key, "VersionId": version.id}
        self.call(lambda client: client.copy_object(Bucket=self.name, Key=version.key, CopySource=source))

    def presign(self, key: str, *, seconds: int = 900) -> str:
        """A URL that reads this one object for a while, without the key."""
        place = {"Bucket": self.name, "Key": key}
        return str(self._client().generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))

    def _gone(self) -> BucketError:
        return BucketError(f"bucket {self.name}: is not there (endpoint {self.endpoint}), run pulumi refresh")

    def _pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        try:
            yield from chunks
        except BotoCoreError as error:
            raise BucketError(f"bucket {self.name}: {error} (endpoint {self.endpoint})") from None

    def _head(self, key: str) -> bool:
        return self.call(lambda client: client.head_object(Bucket=self.name, Key=key)) is not None

    def call(self, ask: Callable[[S3Client], Result]) -> Result | None:
        """The answer, None for "not there"."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask(self._client())
        except ClientError as error:
            if _status(error) == 404:
                return None
            code = error.response["Error"].get("Code", "?")
            raise Refused(self._text(error), status=_status(error), code=code) from None
        except BotoCoreError as error:
            raise BucketError(f"bucket {self.name}: {error} (endpoint {self.endpoint})") from None

    def _text(self, error: ClientError) -> str:
        code, message = error.response["Error"].get("Code", "?"), error.response["Error"].get("Message", "")
        if code == SKEWED:
            rule = "this computer's clock and the storage's should agree within 15 minutes"
            return f"bucket {self.name}: {rule} (got {code}, endpoint {self.endpoint}), set this computer's clock"
        way_out = f", {WAYS_OUT[code]}" if code in WAYS_OUT else ""
        return f"bucket {self.name}: the storage refused with {code} {message} (endpoint {self.endpoint}){way_out}"

    def _client(self) -> S3Client:
        with _lock:
            if self not in _clients:
                _clients[self] = _connect(self)
            return _clients[self]


class Refused(BucketError):
    """The storage answered, and refused."""

    def __init__(self, text: str, *, status: int, code: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


_clients: dict[Bucket, S3Client] = {}
_lock = threading.Lock()


@cache
def _session() -> Session:
    """One for all clients, which are made one by one: what botocore reads of S3 is read once."""
    import botocore.session

    return botocore.session.Session(session_vars=_NOTHING_OF_THE_CALLER)


def _connect(bucket: Bucket) -> S3Client:
    from botocore.config import Config

    style = Config(
        signature_version="s3v4",
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=16,
        retries={"mode": "standard", "max_attempts": 4},
        s3={"addressing_style": "virtual"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = _session().create_client(
        "s3",
        # Spaces signs with this region wherever the bucket is.
        region_name="us-east-1",
        endpoint_url=bucket.endpoint,
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        verify=trusted_certificates(),
        config=style,
    )
    return cast("S3Client", client)


# name -> (configuration key, environment variable, default, conversion): no profile and no file of the caller's counts.
_NOTHING_OF_THE_CALLER: dict[str, tuple[str | None, str | None, Any, Callable[[Any], Any] | None]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def _contents(pages: ListObjectsV2Paginator, bucket: str) -> list[Stored]:
    found = [each for page in pages.paginate(Bucket=bucket) for each in page.get("Contents", [])]
    return [Stored(each["Key"], each["Size"], each["ETag"].strip('"'), each["LastModified"]) for each in found]


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))


def _patiently(ask: Callable[[], Result]) -> Result:
    """Ask again while a key that was made a moment ago is refused."""
    end = time.monotonic() + NEW_KEY_PATIENCE
    while True:
        try:
            return ask()
        except Refused as refused:
            if refused.status != 403 or refused.code == SKEWED or time.monotonic() > end:
                raise
        time.sleep(1)
