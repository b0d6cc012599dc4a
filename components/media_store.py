"""Where uploads live."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Bucket, Cloud
from settings import Media


class MediaStore(ComponentResource):
    """A private bucket for the site's uploads; whether its pictures are public is told to the release."""

    def __init__(self, name: str, *, cloud: Cloud, media: Media, opts: ResourceOptions) -> None:
        super().__init__("slipway:components:MediaStore", name, None, opts)
        made = cloud.bucket(name, versioned=True, opts=ResourceOptions(parent=self))
        self.bucket: Output[str] = made.name
        self.document: dict[str, Any] = {"mode": media, "bucket": bucket_document(made)}
        self.register_outputs({"bucket": self.bucket})


def bucket_document(bucket: Bucket) -> dict[str, Any]:
    """A bucket as documents name it."""
    return {
        "name": bucket.name,
        "region": bucket.region,
        "endpoint": bucket.endpoint,
        "access_key": bucket.access_key,
        "secret_key": bucket.secret_key,
    }
