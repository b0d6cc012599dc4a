"""The verb `bucket`: makes a bucket or keeps it as it should be, and proves what its policy refuses.

For object storage without an API for keys, where every pair of a project opens every bucket.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from release.bucket import Bucket, BucketError, Refused
from release.driver import bucket_policy as policy
from release.driver.documents import reading
from release.driver.failure import Failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Wanted", "keep", "owner_of"]

SETTLES = 20.0  # seconds: a policy that was just set may not yet be known everywhere
MULTIPART_DAYS = 7


@dataclass(frozen=True)
class Wanted:
    """A bucket as the program sees it and as its servers do; `owner` names the environment it belongs to."""

    program: Bucket
    site: Bucket
    owner: str
    versioned: bool
    kept_days: int

    @classmethod
    def parse(cls, name: str, document: Mapping[str, Any]) -> Wanted:
        """Read the document of the verbs `bucket` and `remove-bucket`."""
        with reading("bucket"):
            program = Bucket.parse({**document, "name": name})
            site = replace(program, access_key=document["site_access_key"], secret_key=document["site_secret_key"])
            return cls(program, site, str(document["owner"]), bool(document["versioned"]), int(document["kept_days"]))

    @property
    def name(self) -> str:
        return self.program.name


def keep(wanted: Wanted) -> dict[str, Any]:
    """Make it where it is not there; versions, lifecycle and policy as they should be; the refusals, by trying."""
    if wanted.program.access_key == wanted.site.access_key:
        raise Failure("storage-site-access-key: should be of another pair than storage-access-key (got the same one)")
    _hand_over(wanted)
    found = _claim(wanted)
    _put_versioning(wanted)
    _put_lifecycle(wanted)
    closed = _closed(wanted)
    if found is None:
        # where the principals were wrong, the whole of it would lock out everybody for good
        _put_policy(wanted, {**closed, "Statement": closed["Statement"][1:]})
        _prove(wanted)
    if found is None or not policy.same(found, closed):
        _put_policy(wanted, closed)
    _prove(wanted)
    return {"bucket": wanted.name, "notes": []}


def _closed(wanted: Wanted) -> dict[str, Any]:
    project = _project(wanted)
    program, site = (policy.principal(project, pair.access_key) for pair in (wanted.program, wanted.site))
    return policy.closed(wanted.name, owner=wanted.owner, program=program, site=site)


def _hand_over(wanted: Wanted) -> None:
    """A policy that names a former pair keeps the new one out: the former one lets it in, where it is given."""
    key, secret = (os.environ.get(f"SLIPWAY_FORMER_{word}_KEY") for word in ("ACCESS", "SECRET"))
    if not key or not secret:
        return
    former = replace(wanted, program=replace(wanted.program, access_key=key, secret_key=secret))
    try:
        if owner_of(former) == wanted.owner:
            _put_policy(former, _closed(wanted))
    except Refused as refused:
        if refused.status != 403:  # it has been handed over already
            raise


def owner_of(wanted: Wanted) -> str | None:
    """The environment that a bucket's policy names; None where it has no policy."""
    text = _policy(wanted)
    return None if text is None else str(json.loads(text).get("Id"))


def _claim(wanted: Wanted) -> str | None:
    """The bucket is there and ours afterwards; its policy, where it has one of ours already."""
    name = wanted.name
    if not _exists(wanted):
        wanted.program.call(lambda client: client.create_bucket(Bucket=name))
        return None
    text = _policy(wanted)
    if text is None:
        _refuse_used(wanted)  # an interrupted `up` may have made it; then nothing is in it
        return None
    if json.loads(text).get("Id") != wanted.owner:
        raise _foreign(wanted, f"one of {json.loads(text).get('Id')}")
    return text


def _exists(wanted: Wanted) -> bool:
    try:
        return wanted.program.call(lambda client: client.head_bucket(Bucket=wanted.name)) is not None
    except Refused as refused:
        if refused.status != 403:
            raise
    raise Failure(
        f"bucket {wanted.name}: should open to storage-access-key (got a refusal: it is another project's, or closed "
        "to all but a former pair), docs/guide.md, On Hetzner, says how a pair is changed"
    )


def _refuse_used(wanted: Wanted) -> None:
    listed = wanted.program.call(lambda client: client.list_object_versions(Bucket=wanted.name, MaxKeys=1))
    if listed and (listed.get("Versions") or listed.get("DeleteMarkers")):
        raise _foreign(wanted, "one with objects in it and no policy of this environment's")


def _foreign(wanted: Wanted, got: str) -> Failure:
    way_out = "nothing of it was changed: look at it in the console, and move or delete what is in it"
    return Failure(f"bucket {wanted.name}: should be this environment's or not there (got {got}), {way_out}")


def _policy(wanted: Wanted) -> str | None:
    found = wanted.program.call(lambda client: client.get_bucket_policy(Bucket=wanted.name))
    return found["Policy"] if found else None


def _project(wanted: Wanted) -> str:
    """The project's id, which the storage itself knows: its keys' owner."""
    listed = wanted.program.call(lambda client: client.list_buckets())
    project = str(listed["Owner"]["ID"]) if listed else ""
    if not project.removeprefix("p").isdigit():
        raise Failure(f"bucket {wanted.name}: should belong to a project with a number (got owner {project!r})")
    return project


def _put_versioning(wanted: Wanted) -> None:
    """Once on it is never switched off: what was kept would be harder to find than to keep."""
    if wanted.versioned:
        status: Any = {"Status": "Enabled"}
        wanted.program.call(
            lambda client: client.put_bucket_versioning(Bucket=wanted.name, VersioningConfiguration=status)
        )


def _put_lifecycle(wanted: Wanted) -> None:
    rule: dict[str, Any] = {
        "ID": "forgotten",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": MULTIPART_DAYS},
    }
    if wanted.versioned:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": wanted.kept_days}
    rules: Any = {"Rules": [rule]}
    wanted.program.call(
        lambda client: client.put_bucket_lifecycle_configuration(Bucket=wanted.name, LifecycleConfiguration=rules)
    )


def _put_policy(wanted: Wanted, document: Mapping[str, Any]) -> None:
    text = json.dumps(document)
    wanted.program.call(lambda client: client.put_bucket_policy(Bucket=wanted.name, Policy=text))


def _prove(wanted: Wanted) -> None:
    """Try with the servers' pair what it may do and what it may not; each try is harmless where it succeeds."""
    name = wanted.name
    standing = str(_policy(wanted))
    refused: Mapping[str, Callable[[S3Client], Any]] = {
        "remove a version": lambda client: client.delete_object(Bucket=name, Key=".slipway-proof", VersionId="null"),
        "change the policy": lambda client: client.put_bucket_policy(Bucket=name, Policy=standing),
    }
    for what, attempt in refused.items():
        if not _in_time(lambda attempt=attempt: _is_refused(wanted.site, attempt)):  # type: ignore[misc]
            raise BucketError(f"bucket {name}: should refuse the servers' pair to {what} (got no refusal)")
    if not _in_time(
        lambda: not _is_refused(wanted.site, lambda client: client.list_objects_v2(Bucket=name, MaxKeys=1))
    ):
        raise BucketError(f"bucket {name}: should open to the servers' pair (got a refusal)")


def _is_refused(bucket: Bucket, attempt: Callable[[S3Client], Any]) -> bool:
    try:
        bucket.call(attempt)
    except Refused as refused:
        if refused.status == 403:
            return True
        raise
    return False


def _in_time(look: Callable[[], bool]) -> bool:
    end = time.monotonic() + SETTLES
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True
