"""`?policy` and `?policyStatus`: kept by the front; moto would read policies its own way, and hears of none."""

from __future__ import annotations

from werkzeug.wrappers import Response

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.rows import Bucket
from rehearsal.cloud.s3 import policy
from rehearsal.cloud.s3.body import Body
from rehearsal.cloud.s3.buckets import XML, xml
from rehearsal.cloud.s3.errors import S3Error
from rehearsal.cloud.s3.profiles import SPACES, Profile
from rehearsal.cloud.s3.target import Target


def is_about(target: Target) -> bool:
    """Say whether a request is about a bucket's policy."""
    return not target.raw_key and any(name in ("policy", "policyStatus") for name, _ in target.query)


def answer(cloud: Cloud, profile: Profile, target: Target, body: Body) -> Response:
    """Read, set or remove a policy."""
    if target.method == "PUT":
        return _put(cloud, profile, target.bucket, body.whole())
    if target.method == "DELETE":
        return _keep(cloud, target.bucket, "")
    with cloud.store.read() as state:
        text = state.buckets[target.bucket].policy
    if not text:
        raise S3Error(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
    if target.asked("policyStatus") is None:
        return Response(text, content_type="application/json")
    public = str(policy.is_public(policy.parse(text.encode()))).lower()
    return xml(f"<PolicyStatus {XML}><IsPublic>{public}</IsPublic></PolicyStatus>")


def _put(cloud: Cloud, profile: Profile, bucket: str, text: bytes) -> Response:
    policy.parse(text)
    with cloud.store.read() as state:
        limited = [key.name for key in state.spaces_keys.values() if bucket in [g["bucket"] for g in key.grants]]
    if profile is SPACES and limited:
        message = f"A bucket that keys are limited to takes no policy (got {', '.join(limited)})"
        raise S3Error(400, "InvalidRequest", message)
    return _keep(cloud, bucket, text.decode())


def _keep(cloud: Cloud, bucket: str, text: str) -> Response:
    with cloud.store.change() as state:
        known: Bucket = state.buckets[bucket]
        known.policy = text
    return Response(status=204)
