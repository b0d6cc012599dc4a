"""Spaces buckets, over S3."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rehearsal.plugins.client import wait_until
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.guard import Refused, own_address
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_GONE = ("404", "NoSuchBucket", "NotFound")
_CORS = {
    "allowedMethods": "AllowedMethods",
    "allowedOrigins": "AllowedOrigins",
    "allowedHeaders": "AllowedHeaders",
    "maxAgeSeconds": "MaxAgeSeconds",
}
# Where systems keep their trusted certificates; botocore would take its own list, which lacks the rehearsal's root.
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def _create(call: Call, asked: Values) -> tuple[str, Values]:
    name, s3 = asked["name"], _client(call.session, asked)
    s3.create_bucket(Bucket=name, ACL=asked["acl"])
    wait_until(call, lambda: _exists(s3, name), what=f"bucket {name}", limit=300)
    _configure(s3, asked, before={})
    return name, {**_facts(asked), "versioning": _versioning(s3, name)}


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    # Imported as REGION,NAME: a bucket's name alone does not say where it is.
    region, _, name = id.rpartition(",")
    place = {**state, "name": name, "region": region or state.get("region") or "nyc3"}
    s3 = _client(call.session, place)
    if not _exists(s3, name):
        return None
    told: Values = {"forceDestroy": bool(state.get("forceDestroy")), "acl": state.get("acl") or "private"}
    return name, {
        **told,
        **_facts(place),
        "versioning": _versioning(s3, name),
        "lifecycleRules": _lifecycle(s3, name),
    }


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    if asked["name"] != id:
        raise Refused(f"spacesBucket: name: a bucket keeps its name (got {asked['name']!r} for {id!r})")
    s3 = _client(call.session, asked)
    if asked["acl"] != state.get("acl"):
        s3.put_bucket_acl(Bucket=id, ACL=asked["acl"])
    _configure(s3, asked, before=state)
    return {**_facts(asked), "versioning": _versioning(s3, id)}


def _delete(call: Call, id: str, state: Values) -> None:
    from botocore.exceptions import ClientError

    s3 = _client(call.session, state)
    try:
        if state.get("forceDestroy"):
            _empty(s3, id)
        s3.delete_bucket(Bucket=id)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise


def _facts(place: Values) -> Values:
    region, name = place["region"].lower(), place["name"]
    return {
        "name": name,
        "region": region,
        "endpoint": f"{region}.digitaloceanspaces.com",
        "bucketDomainName": f"{name}.{region}.digitaloceanspaces.com",
        "bucketUrn": f"do:space:{name}",
    }


def _client(cloud: Cloud, place: Values) -> Any:
    """An S3 client for the region; the signing region is always us-east-1, as Spaces wants it."""
    if not cloud.spaces_access_id or not cloud.spaces_secret_key:
        raise Refused("digitalocean: Spaces credentials not configured: set spacesAccessId and spacesSecretKey")
    endpoint = cloud.spaces_endpoint.replace("{{.Region}}", place["region"].lower())
    own_address(f"{place['name']}.{urlsplit(endpoint).hostname}", what="digitalocean: spacesEndpoint")
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=cloud.spaces_access_id,
        aws_secret_access_key=cloud.spaces_secret_key,
        verify=os.environ.get("AWS_CA_BUNDLE") or next((path for path in _BUNDLES if Path(path).exists()), True),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "virtual"},
            proxies={},
            retries={"total_max_attempts": cloud.retries + 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _exists(s3: Any, name: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True


def _configure(s3: Any, asked: Values, *, before: Values) -> None:
    name = asked["name"]
    was = bool((before.get("versioning") or {}).get("enabled"))
    enabled = (asked.get("versioning") or {"enabled": was}).get("enabled") or False
    if enabled != was:
        status = "Enabled" if enabled else "Suspended"
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    if rules := asked.get("lifecycleRules"):
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": _lifecycle_body(rules)})
    elif before.get("lifecycleRules"):
        s3.delete_bucket_lifecycle(Bucket=name)
    if cors := asked.get("corsRules"):
        s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [_cors_body(rule) for rule in cors]})
    elif before.get("corsRules"):
        s3.delete_bucket_cors(Bucket=name)


def _cors_body(rule: Values) -> Values:
    return {theirs: rule[ours] for ours, theirs in _CORS.items() if rule.get(ours) is not None}


def _lifecycle_body(rules: Iterable[Values]) -> list[Values]:
    return [_lifecycle_rule(rule, number) for number, rule in enumerate(rules, start=1)]


def _lifecycle_rule(rule: Values, number: int) -> Values:
    body: Values = {
        "ID": rule.get("id") or f"rule-{number}",
        "Filter": {"Prefix": rule.get("prefix") or ""},
        "Status": "Enabled" if rule["enabled"] else "Disabled",
    }
    if days := rule.get("abortIncompleteMultipartUploadDays"):
        body["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    if expiration := rule.get("expiration"):
        fields = {"days": "Days", "date": "Date", "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}
        body["Expiration"] = {theirs: expiration[ours] for ours, theirs in fields.items() if expiration.get(ours)}
    if days := (rule.get("noncurrentVersionExpiration") or {}).get("days"):
        body["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return body


def _versioning(s3: Any, name: str) -> Values:
    return {"enabled": s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled"}


def _lifecycle(s3: Any, name: str) -> list[Values]:
    from botocore.exceptions import ClientError

    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name).get("Rules") or []
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchLifecycleConfiguration", "404"):
            return []
        raise
    return [_lifecycle_facts(rule) for rule in rules]


def _lifecycle_facts(rule: Values) -> Values:
    expiration, noncurrent = rule.get("Expiration"), rule.get("NoncurrentVersionExpiration")
    date = (expiration or {}).get("Date")
    return {
        "id": rule.get("ID"),
        "prefix": (rule.get("Filter") or {}).get("Prefix") or rule.get("Prefix") or None,
        "enabled": rule["Status"] == "Enabled",
        "abortIncompleteMultipartUploadDays": (rule.get("AbortIncompleteMultipartUpload") or {}).get(
            "DaysAfterInitiation"
        ),
        "expiration": {
            "days": expiration.get("Days"),
            "date": f"{date:%Y-%m-%d}" if date else None,
            "expiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        }
        if expiration
        else None,
        "noncurrentVersionExpiration": {"days": noncurrent.get("NoncurrentDays")} if noncurrent else None,
    }


def _empty(s3: Any, name: str) -> None:
    """Every version and delete marker goes, page by page."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        for row in rows:
            s3.delete_object(Bucket=name, Key=row["Key"], VersionId=row["VersionId"])


SPACES: Mapping[str, Verbs] = {
    "digitalocean:index/spacesBucket:SpacesBucket": Verbs(create=_create, read=_read, update=_update, delete=_delete),
}
