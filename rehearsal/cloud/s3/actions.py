"""What a request is called in a policy: its action, and the resource it is about."""

from __future__ import annotations

from rehearsal.cloud.s3.target import Target

# Those that policies of the gateway know by name; the list is its own, not Amazon's.
_NAMES = """
    AbortMultipartUpload CreateBucket DeleteBucketPolicy DeleteBucket DeleteBucketWebsite DeleteObject
    DeleteObjectVersion DeleteObjectTagging DeleteObjectVersionTagging DeleteBucketPublicAccessBlock
    DeletePublicAccessBlock DeleteReplicationConfiguration GetAccelerateConfiguration GetBucketAcl GetBucketCORS
    GetBucketEncryption GetBucketLocation GetBucketLogging GetBucketNotification GetBucketPolicy GetBucketPolicyStatus
    GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
    GetLifecycleConfiguration GetBucketObjectLockConfiguration GetPublicAccessBlock GetObjectAcl GetObject
    GetObjectTorrent GetObjectVersionAcl GetObjectVersion GetObjectVersionTorrent GetObjectTagging
    GetObjectVersionTagging GetObjectRetention GetObjectLegalHold GetReplicationConfiguration ListAllMyBuckets
    ListBucketMultipartUploads ListBucket ListBucketVersions ListMultipartUploadParts PutAccelerateConfiguration
    PutBucketAcl PutBucketCORS PutBucketEncryption PutBucketLogging PutBucketNotification PutBucketPolicy
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutLifecycleConfiguration
    PutBucketObjectLockConfiguration PutObjectAcl PutObject PutObjectVersionAcl PutObjectTagging PutObjectVersionTagging
    PutObjectRetention PutObjectLegalHold BypassGovernanceRetention PutBucketPublicAccessBlock PutPublicAccessBlock
    PutReplicationConfiguration RestoreObject
"""
ACTIONS = tuple(f"s3:{name}" for name in _NAMES.split())
# A part of a bucket, and the noun of its Get and Put; where Delete is an action of its own it is in ACTIONS.
BUCKET_PARTS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "BucketEncryption",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
BUCKET_LISTS = {"uploads": "s3:ListBucketMultipartUploads", "versions": "s3:ListBucketVersions"}
OBJECT_PARTS = {"acl": "Acl", "tagging": "Tagging", "torrent": "Torrent"}
READS = ("GET", "HEAD")


def arn(bucket: str, key: str = "") -> str:
    """Give the name of a bucket or an object as policies write it."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def action(target: Target) -> str:
    """Give the action that a request needs."""
    if not target.bucket:
        return "s3:ListAllMyBuckets"
    return _of_object(target) if target.raw_key else _of_bucket(target)


def deletion(version: str | None) -> str:
    """Give the action that deleting an object needs, or one version of it."""
    return "s3:DeleteObjectVersion" if version else "s3:DeleteObject"


def _of_bucket(target: Target) -> str:
    asked = {name for name, _ in target.query}
    if part := next((noun for name, noun in BUCKET_PARTS.items() if name in asked), None):
        return _verb(target.method, part)
    if target.method in READS:
        return next((name for part, name in BUCKET_LISTS.items() if part in asked), "s3:ListBucket")
    return {"PUT": "s3:CreateBucket", "DELETE": "s3:DeleteBucket"}.get(target.method, "s3:PutObject")


def _verb(method: str, noun: str) -> str:
    """DELETE is a Put where the gateway has no action for it: taking a lifecycle away is putting an empty one."""
    name = f"s3:{'Get' if method in READS else 'Delete' if method == 'DELETE' else 'Put'}{noun}"
    return name if name in ACTIONS else f"s3:Put{noun}"


def _of_object(target: Target) -> str:
    asked = {name for name, _ in target.query}
    version = "Version" if target.asked("versionId") else ""
    if part := next((noun for name, noun in OBJECT_PARTS.items() if name in asked), None):
        return _verb(target.method, f"Object{version}{part}")
    if "uploadId" in asked and target.method in (*READS, "DELETE"):
        return "s3:AbortMultipartUpload" if target.method == "DELETE" else "s3:ListMultipartUploadParts"
    if target.method in READS:
        return f"s3:GetObject{version}"
    return deletion(version) if target.method == "DELETE" else "s3:PutObject"
