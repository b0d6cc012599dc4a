"""Object storage for tests: moto, the front over TLS under its real names, clients with keys."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal import storage_keys
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.s3.keep import Keep
from tests.rehearsal.cloud.client import Client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass
class Processes:
    """Starts moto for the tests and ends exactly what it started."""

    started: list[subprocess.Popen[bytes]]

    def __call__(self, kind: str, name: str, argv: Sequence[str], *, environment: Mapping[str, str]) -> object:
        """Start a process."""
        env = {**os.environ, **environment}
        quiet = subprocess.DEVNULL
        self.started.append(subprocess.Popen(argv, env=env, stdout=quiet, stderr=quiet))
        return self.started[-1]

    def end(self) -> None:
        """End what was started."""
        for process in self.started:
            process.kill()
            process.wait()


def free_port() -> int:
    """Find a port nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Spaces:
    """The front, and a way to get keys for it."""

    api: Client
    cloud: Cloud
    root: Path

    def key(self, *grants: tuple[str, str]) -> dict[str, str]:
        """Make a key through the API."""
        rows = [{"bucket": bucket, "permission": permission} for bucket, permission in grants]
        return dict(self.api("POST", "/spaces/keys", {"name": "k", "grants": rows})["key"])

    def client(self, key: Mapping[str, str], *, region: str = "fra1", **more: Any) -> S3Client:
        """Make a boto3 client for a key."""
        return client(f"https://{region}.digitaloceanspaces.com", key, root=self.root, **more)

    def full(self) -> S3Client:
        """Make a client that may do everything."""
        return self.client(self.key(("", "fullaccess")))

    def get(self, url: str, *, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
        """Ask as a browser does."""
        return get(url, root=self.root, method=method, data=data)


@dataclass
class Hetzner:
    """The front under Hetzner's names, with the account's two pairs."""

    cloud: Cloud
    root: Path

    @property
    def pairs(self) -> storage_keys.Pairs:
        """Give the pairs."""
        return storage_keys.pairs(self.cloud.directory)

    def client(self, pair: storage_keys.Pair, *, region: str = "fsn1", **more: Any) -> S3Client:
        """Make a boto3 client for a pair."""
        return client(f"https://{region}.your-objectstorage.com", asdict(pair), root=self.root, **more)

    def program(self) -> S3Client:
        """Make the program's client."""
        return self.client(self.pairs.program)

    def site(self) -> S3Client:
        """Make the servers' client."""
        return self.client(self.pairs.site)


def client(endpoint: str, key: Mapping[str, str], *, root: Path, **more: Any) -> S3Client:
    """Make a boto3 client that says what it was told at once."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["access_key"],
        aws_secret_access_key=key["secret_key"],
        verify=str(root),
        config=Config(retries={"max_attempts": 0}, **more),
    )


def get(url: str, *, root: Path, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
    """Ask as a browser does."""
    trust = ssl.create_default_context(cafile=str(root))
    try:
        request = urllib.request.Request(url, data, method=method)
        with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def empty(keep: Keep, bucket: str) -> None:
    """Take a bucket with all versions of everything in it out of the keep."""
    _, raw = keep.ask("GET", f"/{bucket}?versions")
    for row in ElementTree.fromstring(raw):
        if row.tag.endswith(("}Version", "}DeleteMarker")):
            key, version = (row.findtext(f"{{*}}{name}") or "" for name in ("Key", "VersionId"))
            keep.ask("DELETE", f"/{bucket}/{quote(key)}?versionId={version}")
    keep.ask("DELETE", f"/{bucket}")


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Give the error's code."""
    return str(error.value.response["Error"]["Code"])
