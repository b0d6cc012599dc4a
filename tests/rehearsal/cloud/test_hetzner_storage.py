"""Hetzner's object storage as boto3 and a browser see it: what is sold, and what policies make of its keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from rehearsal import storage_keys
from tests.rehearsal.cloud.spaces import Hetzner, Spaces, code, get

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1 << 20
# What a backup's servers may not do, on everything and on the bucket.
FORBIDDEN = ["s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketVersioning"]
FORBIDDEN += ["s3:PutLifecycleConfiguration", "s3:DeleteBucket", "s3:PutBucketAcl", "s3:PutObjectAcl"]


def _refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return code(error)


def _policy(s3: S3Client, bucket: str, *statements: dict[str, Any]) -> None:
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    rows = [{"Effect": "Deny", "Resource": everything, **row} for row in statements]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": rows}))


def _user(pair: storage_keys.Pair) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam:::user/p{storage_keys.PROJECT}:{pair.access_key}"}


@pytest.mark.parametrize("style", ["virtual", "path"])
@pytest.mark.parametrize("region", ["fsn1", "nbg1", "hel1"])
def test_a_bucket(hetzner: Hetzner, style: str, region: str) -> None:
    """Made, configured and filled in both styles, with either pair; it says whose it is, and lives in one place."""
    s3 = hetzner.client(hetzner.pairs.program, region=region, s3={"addressing_style": style})
    s3.create_bucket(Bucket="media-1", ACL="private")
    s3.create_bucket(Bucket="media-1")
    s3.put_object(Bucket="media-1", Key="a b/ü.txt", Body=b"hello")
    assert s3.get_object(Bucket="media-1", Key="a b/ü.txt")["Body"].read() == b"hello"
    assert str(s3.get_bucket_location(Bucket="media-1")["LocationConstraint"]) == region
    listed = s3.list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["media-1"]
    assert listed["Owner"]["ID"] == s3.get_bucket_acl(Bucket="media-1")["Owner"]["ID"] == f"p{storage_keys.PROJECT}"
    other = hetzner.client(hetzner.pairs.site, region=region)
    other.delete_object(Bucket="media-1", Key="a b/ü.txt")
    far = hetzner.client(hetzner.pairs.program, region={"fsn1": "hel1"}.get(region, "fsn1"))
    assert _refused(lambda: far.list_objects_v2(Bucket="media-1")) == "NoSuchBucket"
    assert _refused(lambda: far.create_bucket(Bucket="media-1")) == "BucketAlreadyExists"
    other.delete_bucket(Bucket="media-1")


def test_versions_and_what_ends_them(hetzner: Hetzner) -> None:
    """Versioning, lifecycle, CORS and uploads in parts are there."""
    s3 = hetzner.program()
    s3.create_bucket(Bucket="backups")
    s3.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
    rules: Any = [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    s3.put_bucket_lifecycle_configuration(Bucket="backups", LifecycleConfiguration={"Rules": rules})
    (kept,) = s3.get_bucket_lifecycle_configuration(Bucket="backups")["Rules"]
    assert kept["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert kept["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    rules[0]["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = 3
    change: Any = {"Bucket": "backups", "LifecycleConfiguration": {"Rules": rules}}
    assert _refused(lambda: s3.put_bucket_lifecycle_configuration(**change)) == "NotImplemented"
    s3.upload_fileobj(BytesIO(b"x" * 9 * MIB), "backups", "big")
    s3.delete_object(Bucket="backups", Key="big")
    versions = s3.list_object_versions(Bucket="backups")
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (1, 1)
    s3.put_bucket_cors(
        Bucket="backups",
        CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://x"]}]},
    )
    assert s3.get_bucket_cors(Bucket="backups")["CORSRules"][0]["AllowedMethods"] == ["GET"]


def test_what_is_not_sold(hetzner: Hetzner) -> None:
    """Tags, logs, websites, notices, ownership, payment, other access lists: refused, and nothing is made."""
    s3 = hetzner.program()
    s3.create_bucket(Bucket="media", ACL="public-read")
    tags: Any = {"TagSet": [{"Key": "a", "Value": "b"}]}
    s3.put_object(Bucket="media", Key="k", Body=b"v")
    for call in (
        lambda: s3.put_bucket_tagging(Bucket="media", Tagging=tags),
        lambda: s3.get_object_tagging(Bucket="media", Key="k"),
        lambda: s3.get_bucket_logging(Bucket="media"),
        lambda: s3.get_bucket_website(Bucket="media"),
        lambda: s3.get_bucket_notification_configuration(Bucket="media"),
        lambda: s3.get_bucket_ownership_controls(Bucket="media"),
        lambda: s3.get_bucket_request_payment(Bucket="media"),
        lambda: s3.get_bucket_replication(Bucket="media"),
        lambda: s3.get_bucket_encryption(Bucket="media"),
        lambda: s3.create_bucket(Bucket="other", GrantRead="id=x"),
    ):
        assert _refused(call) == "NotImplemented"
    assert _refused(lambda: s3.create_bucket(Bucket="other", ACL="public-read-write")) == "InvalidArgument"
    assert list(hetzner.cloud.store.state.buckets) == ["media"]


def test_presigned_and_public(hetzner: Hetzner) -> None:
    """A presigned address opens one object; a public one is anybody's."""
    s3 = hetzner.client(hetzner.pairs.site, signature_version="s3v4")
    s3.create_bucket(Bucket="media")
    s3.put_object(Bucket="media", Key="private", Body=b"mine")
    s3.put_object(Bucket="media", Key="public", Body=b"all", ACL="public-read")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "private"}, ExpiresIn=60)
    address = "https://media.fsn1.your-objectstorage.com"
    assert get(url, root=hetzner.root) == (200, b"mine")
    assert get(f"{address}/public", root=hetzner.root) == (200, b"all")
    assert get(f"{address}/private", root=hetzner.root)[0] == 403
    _policy(hetzner.program(), "media", {"Principal": _user(hetzner.pairs.site), "Action": "s3:GetObject"})
    assert get(url, root=hetzner.root)[0] == 403


def test_keys_of_the_other_seller(hetzner: Hetzner, spaces: Spaces) -> None:
    """A pair of one is unknown to the other."""
    pair = hetzner.pairs.program
    foreign = spaces.client({"access_key": pair.access_key, "secret_key": pair.secret_key})
    assert _refused(foreign.list_buckets) == "InvalidAccessKeyId"
    own = spaces.key(("", "fullaccess"))
    pair = storage_keys.Pair(access_key=own["access_key"], secret_key=own["secret_key"])
    assert _refused(hetzner.client(pair).list_buckets) == "InvalidAccessKeyId"


def test_a_policy_keeps_the_servers_pair_out(hetzner: Hetzner) -> None:
    """It opens everything until a policy says otherwise; taken away, it does again."""
    program, site = hetzner.program(), hetzner.site()
    program.create_bucket(Bucket="other")
    program.put_object(Bucket="other", Key="k", Body=b"v")
    assert site.get_object(Bucket="other", Key="k")["Body"].read() == b"v"
    _policy(program, "other", {"Principal": _user(hetzner.pairs.site), "Action": "s3:*"})
    for call in (
        lambda: site.get_object(Bucket="other", Key="k"),
        lambda: site.put_object(Bucket="other", Key="k", Body=b"x"),
        lambda: site.list_objects_v2(Bucket="other"),
        lambda: site.delete_bucket_policy(Bucket="other"),
        lambda: site.copy_object(Bucket="mine", Key="c", CopySource={"Bucket": "other", "Key": "k"}),
    ):
        site.create_bucket(Bucket="mine")
        assert _refused(call) == "AccessDenied"
    assert program.get_object(Bucket="other", Key="k")["Body"].read() == b"v"
    program.delete_bucket_policy(Bucket="other")
    assert site.get_object(Bucket="other", Key="k")["Body"].read() == b"v"
    assert _refused(lambda: program.get_bucket_policy(Bucket="other")) == "NoSuchBucketPolicy"


def test_a_kept_bucket(hetzner: Hetzner) -> None:
    """The servers' pair writes, reads and deletes there; what makes a deletion final is not theirs, one by one."""
    program, site = hetzner.program(), hetzner.site()
    program.create_bucket(Bucket="backups")
    program.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
    _policy(program, "backups", {"Principal": _user(hetzner.pairs.site), "Action": FORBIDDEN})
    site.put_object(Bucket="backups", Key="wal/1", Body=b"v")
    site.upload_fileobj(BytesIO(b"x" * 9 * MIB), "backups", "wal/2")
    version = str(site.list_object_versions(Bucket="backups", Prefix="wal/1")["Versions"][0]["VersionId"])
    lifecycle: Any = {"Rules": [{"ID": "a", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]}
    suspended: Any = {"Status": "Suspended"}
    for call in (
        lambda: site.delete_object(Bucket="backups", Key="wal/1", VersionId=version),
        lambda: site.put_bucket_policy(Bucket="backups", Policy="{}"),
        lambda: site.delete_bucket_policy(Bucket="backups"),
        lambda: site.put_bucket_versioning(Bucket="backups", VersioningConfiguration=suspended),
        lambda: site.put_bucket_lifecycle_configuration(Bucket="backups", LifecycleConfiguration=lifecycle),
        lambda: site.delete_bucket_lifecycle(Bucket="backups"),
        lambda: site.put_bucket_acl(Bucket="backups", ACL="public-read"),
        lambda: site.put_object_acl(Bucket="backups", Key="wal/1", ACL="public-read"),
        lambda: site.delete_bucket(Bucket="backups"),
    ):
        assert _refused(call) == "AccessDenied"
    site.delete_object(Bucket="backups", Key="wal/1")
    assert program.get_object(Bucket="backups", Key="wal/1", VersionId=version)["Body"].read() == b"v"
    program.delete_object(Bucket="backups", Key="wal/1", VersionId=version)


def test_many_deletions_at_once(hetzner: Hetzner) -> None:
    """Each is asked about by itself: the allowed ones go, the others stay and are named."""
    program, site = hetzner.program(), hetzner.site()
    program.create_bucket(Bucket="backups")
    program.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
    versions = [
        str(program.put_object(Bucket="backups", Key=key, Body=b"v")["VersionId"]) for key in ("kept/1", "gone/1")
    ]
    kept = {"Resource": "arn:aws:s3:::backups/kept/*"}
    _policy(program, "backups", {"Principal": _user(hetzner.pairs.site), "Action": "s3:DeleteObject*", **kept})
    both: Any = {"Objects": [{"Key": k, "VersionId": v} for k, v in zip(("kept/1", "gone/1"), versions, strict=True)]}
    told = site.delete_objects(Bucket="backups", Delete=both)
    assert [row["Key"] for row in told["Deleted"]] == ["gone/1"]
    assert [(row["Key"], row["Code"]) for row in told["Errors"]] == [("kept/1", "AccessDenied")]
    told = site.delete_objects(Bucket="backups", Delete={"Objects": [{"Key": "kept/1"}]})
    assert ("Deleted" in told, [row["Key"] for row in told["Errors"]]) == (False, ["kept/1"])
    assert [row["Key"] for row in program.list_objects_v2(Bucket="backups")["Contents"]] == ["kept/1"]


def test_a_policy_for_everybody(hetzner: Hetzner) -> None:
    """What it allows needs no key; its status says so."""
    program = hetzner.program()
    program.create_bucket(Bucket="site")
    program.put_object(Bucket="site", Key="static/a", Body=b"a")
    _policy(
        program,
        "site",
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/static/*"},
    )
    address = "https://site.fsn1.your-objectstorage.com"
    assert get(f"{address}/static/a", root=hetzner.root) == (200, b"a")
    assert get(f"{address}/static/a", root=hetzner.root, method="PUT", data=b"x")[0] == 403
    assert get(f"{address}/", root=hetzner.root)[0] == 403
    assert program.get_bucket_policy_status(Bucket="site")["PolicyStatus"]["IsPublic"] is True


def test_a_policy_can_lock_everybody_out(hetzner: Hetzner) -> None:
    """A Deny of everything for all but a key that does not exist holds for the program, too: as at Hetzner."""
    program = hetzner.program()
    program.create_bucket(Bucket="lost")
    other = storage_keys.Pair(access_key="OTHER", secret_key="x")
    _policy(program, "lost", {"NotPrincipal": _user(other), "Action": "s3:*"})
    assert _refused(lambda: program.delete_bucket_policy(Bucket="lost")) == "AccessDenied"


def test_the_pairs(tmp_path: Path) -> None:
    """Made once, for their owner's eyes only, and given as settings."""
    made = storage_keys.pairs(tmp_path)
    assert storage_keys.pairs(tmp_path) == made
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (storage_keys.FILE, 0o600)
    assert storage_keys.settings(tmp_path)["storage-site-secret-key"] == made.site.secret_key
    assert len({made.program.access_key, made.program.secret_key, made.site.access_key, made.site.secret_key}) == 4


def test_a_space_has_limited_keys_or_a_policy(spaces: Spaces) -> None:
    """Never both: a policy is refused where a key is limited to the bucket, such a key where there is a policy."""
    full = spaces.full()
    for name in ("mine", "ruled"):
        full.create_bucket(Bucket=name)
    spaces.key(("mine", "read"))
    rule = {"Principal": "*", "Action": "s3:DeleteObject"}
    assert _refused(lambda: _policy(full, "mine", rule)) == "InvalidRequest"
    _policy(full, "ruled", rule)
    full.put_object(Bucket="ruled", Key="k", Body=b"v")
    assert _refused(lambda: full.delete_object(Bucket="ruled", Key="k")) == "AccessDenied"
    grants = [{"bucket": "ruled", "permission": "read"}]
    spaces.api("POST", "/spaces/keys", {"name": "k", "grants": grants}, status=400)
    full.delete_bucket_policy(Bucket="ruled")
    full.delete_object(Bucket="ruled", Key="k")
