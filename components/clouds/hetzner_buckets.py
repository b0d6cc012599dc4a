"""Buckets of Hetzner's object storage: no resource of the provider makes them, so a verb of the driver does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from components.clouds.cloud import KEPT_DAYS, Bucket, Storage
from components.clouds.hetzner_account import EUROPE
from components.driver import run

# Where buckets of locations without object storage are.
ELSEWHERE = "fsn1"


def storage_region(region: str) -> str:
    """The location of an environment's buckets."""
    return region if region in EUROPE else ELSEWHERE


def make_bucket(
    name: str,
    *,
    called: Output[str],
    owner: Output[str],
    region: str,
    storage: Storage,
    versioned: bool,
    kept: bool,
    protect: bool,
    opts: ResourceOptions,
) -> Bucket:
    """A bucket that this environment's two pairs open and no other; a changed name or place is another bucket."""
    place = storage_region(region)
    endpoint = f"https://{place}.your-objectstorage.com"
    document: Mapping[str, Any] = {
        "owner": owner,
        "region": place,
        "endpoint": endpoint,
        "access_key": storage.access_key,
        "secret_key": storage.secret_key,
        "site_access_key": storage.site_access_key,
        "site_secret_key": storage.site_secret_key,
        "versioned": versioned or kept,
        "kept_days": KEPT_DAYS,
    }
    guarded = ResourceOptions(protect=protect, retain_on_delete=kept, delete_before_replace=False)
    made = run(
        "bucket",
        called,
        document,
        name=name,
        undo=None if protect or kept else "remove-bucket",
        triggers=[place, called],
        opts=ResourceOptions.merge(opts, guarded),
    )
    if pulumi.runtime.is_dry_run() and place != region:
        pulumi.info(f"region: Hetzner has no object storage in {region}, buckets are in {place}", resource=opts.parent)
    return Bucket(
        name=made.triggers.apply(lambda both: str((both or [])[1])),  # the Command's own: known once it has run
        region=place,
        endpoint=endpoint,
        access_key=storage.site_access_key,
        secret_key=Output.secret(storage.site_secret_key),
    )
