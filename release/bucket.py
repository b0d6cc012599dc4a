"""One bucket over S3, with a key that opens only it; botocore is loaded at the first call that needs it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from release.live import trusted_certificates

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectOutputTypeDef

__all__ = ["Bucket", "BucketError"]

CHUNK = 1 << 20
NEW_KEY_PATIENCE = 15.0  # seconds: a key made a moment ago may still be unknown to the storage
Result = TypeVar("Result")


class BucketError(Exception):
    """The bucket refused or could not be reached; the text says which and why."""


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
        except _Refused as refused:
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
                body = self._call(lambda client: client.get_object(Bucket=self.name, Key=key)["Body"])
            except _Refused as refused:
                if refused.code == "AccessDenied":  # as in `has`; a key made a moment ago is refused with another code
                    return None
                raise
            return None if body is None else self._pieces(body.iter_chunks(CHUNK))

        return _patiently(ask)

    def put(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> None:
        """Upload a file under this key."""

        def send() -> PutObjectOutputTypeDef | None:
            with path.open("rb") as file:
                return self._call(
                    lambda client: client.put_object(Bucket=self.name, Key=key, Body=file, ContentType=content_type)
                )

        if _patiently(send) is None:
            raise BucketError(f"bucket {self.name}: is not there (endpoint {self.endpoint}), run pulumi refresh")

    def presign(self, key: str, *, seconds: int = 900) -> str:
        """A URL that reads this one object for a while, without the key."""
        place = {"Bucket": self.name, "Key": key}
        return str(self._client().generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))

    def _pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        try:
            yield from chunks
        except BotoCoreError as error:
            raise BucketError(f"bucket {self.name}: {error} (endpoint {self.endpoint})") from None

    def _head(self, key: str) -> bool:
        return self._call(lambda client: client.head_object(Bucket=self.name, Key=key)) is not None

    def _call(self, ask: Callable[[S3Client], Result]) -> Result | None:
        """The answer, None for "not there"."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask(self._client())
        except ClientError as error:
            if _status(error) == 404:
                return None
            code = error.response["Error"].get("Code", "?")
            raise _Refused(self._text(error), status=_status(error), code=code) from None
        except BotoCoreError as error:
            raise BucketError(f"bucket {self.name}: {error} (endpoint {self.endpoint})") from None

    def _text(self, error: ClientError) -> str:
        code, message = error.response["Error"].get("Code", "?"), error.response["Error"].get("Message", "")
        return f"bucket {self.name}: the storage refused with {code} {message} (endpoint {self.endpoint})"

    def _client(self) -> S3Client:
        with _lock:
            if self not in _clients:
                _clients[self] = _connect(self)
            return _clients[self]


class _Refused(BucketError):
    def __init__(self, text: str, *, status: int, code: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


_clients: dict[Bucket, S3Client] = {}
_lock = threading.Lock()


def _connect(bucket: Bucket) -> S3Client:
    import botocore.session
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
    client = botocore.session.Session(session_vars=_NOTHING_OF_THE_CALLER).create_client(
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


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0))


def _patiently(ask: Callable[[], Result]) -> Result:
    """Ask again while a key that was made a moment ago is refused."""
    end = time.monotonic() + NEW_KEY_PATIENCE
    while True:
        try:
            return ask()
        except _Refused as refused:
            if refused.status != 403 or time.monotonic() > end:
                raise
        time.sleep(1)
