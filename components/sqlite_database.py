"""A database file on the server, and the bucket it is copied to as it is written."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, ResourceOptions

from components.clouds.cloud import Cloud
from components.media_store import bucket_document


class SqliteDatabase(ComponentResource):
    """What outlives the server: each machine of the environment begins with what the one before has written."""

    def __init__(self, name: str, *, cloud: Cloud, opts: ResourceOptions) -> None:
        super().__init__("slipway:components:SqliteDatabase", name, None, opts)
        made = cloud.bucket("backups", versioned=True, kept=True, opts=ResourceOptions(parent=self))
        self.document: dict[str, Any] = {"kind": "sqlite", "bucket": bucket_document(made)}
        self.register_outputs({"bucket": made.name})
