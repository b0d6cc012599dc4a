"""The verb `remove-bucket`: empties a bucket of this environment, versions and all, and takes it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from release.driver.bucket import Wanted, owner_of
from release.driver.failure import Failure

__all__ = ["remove"]


def remove(wanted: Wanted) -> Mapping[str, Any]:
    """Only one that is ours; one that is gone already is fine."""
    name = wanted.name
    if wanted.program.call(lambda client: client.head_bucket(Bucket=name)) is not None:
        if owner_of(wanted) not in (None, wanted.owner):
            raise Failure(f"bucket {name}: should be this environment's to be removed (got another's policy on it)")
        for objects in _objects(wanted):
            _delete(wanted, objects)
        for upload in _uploads(wanted):
            wanted.program.call(
                lambda client, upload=upload: client.abort_multipart_upload(Bucket=name, **upload)  # type: ignore[misc]
            )
        wanted.program.call(lambda client: client.delete_bucket(Bucket=name))
    return {"bucket": name, "notes": []}


def _delete(wanted: Wanted, objects: Sequence[Mapping[str, str]]) -> None:
    batch: Any = {"Objects": objects, "Quiet": True}
    done: Any = wanted.program.call(lambda client: client.delete_objects(Bucket=wanted.name, Delete=batch))
    for error in (done or {}).get("Errors") or []:
        raise Failure(f"bucket {wanted.name}: should give up what is in it (got {error['Code']} at {error['Key']})")


def _objects(wanted: Wanted) -> Iterator[list[dict[str, str]]]:
    """What is there, page by page; what is deleted meanwhile is asked for again from the start."""
    while True:
        listed = wanted.program.call(lambda client: client.list_object_versions(Bucket=wanted.name, MaxKeys=1000))
        found: Mapping[str, Any] = listed or {}
        rows = [*(found.get("Versions") or []), *(found.get("DeleteMarkers") or [])]
        if not rows:
            return
        yield [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]


def _uploads(wanted: Wanted) -> Iterable[dict[str, str]]:
    listed = wanted.program.call(lambda client: client.list_multipart_uploads(Bucket=wanted.name))
    found: Mapping[str, Any] = listed or {}
    return [{"Key": row["Key"], "UploadId": row["UploadId"]} for row in found.get("Uploads") or []]
