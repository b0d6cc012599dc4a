"""Buckets and the regions they live in, which moto does not know."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.rows import Bucket
from rehearsal.cloud.s3.errors import S3Error
from rehearsal.cloud.s3.target import Target
from rehearsal.cloud.store import State, now

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
XML = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def makes(target: Target) -> bool:
    """Say whether a request asks for a new bucket."""
    return target.method == "PUT" and not target.raw_key and not target.query


def creates(state: State, target: Target) -> bool:
    """Say whether a request makes its bucket; refuse it when its bucket is not there."""
    if not makes(target):
        present(state, target.bucket, region=target.region)
        return False
    known = state.buckets.get(target.bucket)
    if not NAME.fullmatch(target.bucket) or _is_address(target.bucket):
        raise S3Error(400, "InvalidBucketName", "The specified bucket is not valid.")
    if known and known.region != target.region:
        raise S3Error(409, "BucketAlreadyExists", "The requested bucket name is not available.")
    return known is None


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True


def present(state: State, name: str, *, region: str) -> None:
    """Refuse what is about a bucket that is not in this region."""
    known = state.buckets.get(name)
    if known is None or known.region != region:
        raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist.")


def remember(cloud: Cloud, target: Target, *, created: bool) -> None:
    """Note that a bucket was made or deleted."""
    with cloud.store.change() as state:
        if created:
            state.buckets[target.bucket] = Bucket(name=target.bucket, region=target.region, created_at=now())
        elif target.method == "DELETE":
            state.buckets.pop(target.bucket, None)
            state.filed.pop(f"do:space:{target.bucket}", None)


def location(target: Target) -> Response:
    """Say where a bucket is."""
    return xml(f"<LocationConstraint {XML}>{target.region}</LocationConstraint>")


def listing(cloud: Cloud, target: Target, *, owner: str) -> Response:
    """List the buckets of a region, and say whose they are."""
    if target.method not in ("GET", "HEAD"):
        raise S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    with cloud.store.read() as state:
        here = [bucket for bucket in state.buckets.values() if bucket.region == target.region]
    rows = "".join(
        f"<Bucket><Name>{escape(b.name)}</Name><CreationDate>{b.created_at[:-1]}.000Z</CreationDate></Bucket>"
        for b in here
    )
    whose = f"<Owner><ID>{owner}</ID><DisplayName>{owner}</DisplayName></Owner>"
    return xml(f"<ListAllMyBucketsResult {XML}>{whose}<Buckets>{rows}</Buckets></ListAllMyBucketsResult>")


def owned(answer: bytes, owner: str) -> bytes:
    """Name the owner in an access list: moto has a name of its own."""
    return re.sub(rb"<ID>[0-9a-f]{64}</ID>", f"<ID>{owner}</ID>".encode(), answer)


def xml(body: str) -> Response:
    """Give an answer in XML."""
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', content_type="application/xml")
