"""The buckets of a name: no token lists them, so a key of a minute is made for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.live.account import Account

TRIES, PAUSE = 12, 5.0  # a new key takes a moment to open anything


def clear_buckets(account: Account, prefix: str, *, region: str) -> list[str]:
    """Empty and delete every bucket whose name begins so; their names."""
    with _key(account, prefix, region=region) as client:
        found = [row["Name"] for row in _listed(client) if row["Name"].startswith(f"{prefix}-")]
        for bucket in found:
            for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
                rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                for row in rows:
                    client.delete_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])
            client.delete_bucket(Bucket=bucket)
    return found


@contextmanager
def _key(account: Account, prefix: str, *, region: str) -> Iterator[Any]:
    grants = [{"bucket": "", "permission": "fullaccess"}]
    made = account.ask("spaces/keys", method="POST", body={"name": f"{prefix}-clearing", "grants": grants})["key"]
    try:
        yield boto3.client(
            "s3",
            endpoint_url=f"https://{region}.digitaloceanspaces.com",
            region_name="us-east-1",
            aws_access_key_id=made["access_key"],
            aws_secret_access_key=made["secret_key"],
            config=Config(s3={"addressing_style": "virtual"}),
        )
    finally:
        account.ask(f"spaces/keys/{made['access_key']}", method="DELETE")


def _listed(client: Any) -> list[dict[str, Any]]:
    for left in reversed(range(TRIES)):
        try:
            found: list[dict[str, Any]] = client.list_buckets()["Buckets"]
            return found
        except ClientError:
            if not left:
                raise
            time.sleep(PAUSE)
    raise AssertionError
