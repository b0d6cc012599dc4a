"""Object storage for tests: moto, the front over TLS under its real names, clients with keys."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rehearsal.cloud.core import Cloud
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
        return boto3.client(
            "s3",
            endpoint_url=f"https://{region}.digitaloceanspaces.com",
            region_name="us-east-1",
            aws_access_key_id=key["access_key"],
            aws_secret_access_key=key["secret_key"],
            verify=str(self.root),
            config=Config(retries={"max_attempts": 0}, **more),
        )

    def full(self) -> S3Client:
        """Make a client that may do everything."""
        return self.client(self.key(("", "fullaccess")))

    def get(self, url: str, *, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
        """Ask as a browser does."""
        trust = ssl.create_default_context(cafile=str(self.root))
        try:
            request = urllib.request.Request(url, data, method=method)
            with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Give the error's code."""
    return str(error.value.response["Error"]["Code"])
