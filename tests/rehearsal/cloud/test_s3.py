"""Object storage as boto3 and a browser see it: over TLS, in both styles, with the keys' limits."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.s3.keep import Keep
from tests.rehearsal.cloud.spaces import Processes, Spaces, code

pytestmark = pytest.mark.whole

MIB = 1 << 20


@pytest.mark.parametrize("style", ["virtual", "path"])
def test_the_calls_of_a_bucket_resource(spaces: Spaces, style: str) -> None:
    """Create, configure, read, fill, list, empty, delete: what the provider does, in both styles."""
    s3 = spaces.client(spaces.key(("", "fullaccess")), s3={"addressing_style": style})
    s3.create_bucket(Bucket="media-1", ACL="private")
    s3.create_bucket(Bucket="media-1")
    s3.head_bucket(Bucket="media-1")
    s3.put_bucket_acl(Bucket="media-1", ACL="private")
    assert str(s3.get_bucket_location(Bucket="media-1")["LocationConstraint"]) == "fra1"
    assert "Status" not in s3.get_bucket_versioning(Bucket="media-1")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket="media-1")
    assert code(error) == "NoSuchLifecycleConfiguration"
    s3.put_bucket_versioning(Bucket="media-1", VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket="media-1", Key="a b/ü+(1).txt", Body=b"hello", ContentType="text/plain")
    found = s3.get_object(Bucket="media-1", Key="a b/ü+(1).txt")
    assert (found["Body"].read(), found["ContentType"]) == (b"hello", "text/plain")
    assert s3.head_object(Bucket="media-1", Key="a b/ü+(1).txt")["ContentLength"] == 5
    assert [row["Key"] for row in s3.list_objects_v2(Bucket="media-1", Prefix="a b/")["Contents"]] == ["a b/ü+(1).txt"]
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["media-1"]
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="media-1")
    assert code(error) == "BucketNotEmpty"
    s3.delete_objects(Bucket="media-1", Delete={"Objects": [{"Key": "a b/ü+(1).txt"}]})
    s3.delete_bucket(Bucket="media-1")
    assert spaces.cloud.store.state.buckets == {}


@pytest.mark.parametrize("checksums", ["when_supported", "when_required"])
def test_uploads_of_every_kind(spaces: Spaces, checksums: str) -> None:
    """Small, empty, streamed in chunks with a trailing checksum, in parts, copied."""
    s3 = spaces.client(spaces.key(("", "fullaccess")), request_checksum_calculation=checksums)
    s3.create_bucket(Bucket="files")
    big = bytes(range(256)) * 4096 * 12
    for name, body in {"small": b"x", "empty": b"", "chunks": big[: 3 * MIB]}.items():
        s3.put_object(Bucket="files", Key=name, Body=BytesIO(body))
        assert s3.get_object(Bucket="files", Key=name)["Body"].read() == body
    s3.upload_fileobj(BytesIO(big), "files", "parts")
    found = s3.get_object(Bucket="files", Key="parts")
    assert (found["Body"].read(), found["ETag"][-3:-1]) == (big, "-2")
    assert s3.get_object(Bucket="files", Key="parts", Range="bytes=5-9")["Body"].read() == big[5:10]
    s3.copy_object(Bucket="files", Key="copy", CopySource={"Bucket": "files", "Key": "small"})
    assert s3.get_object(Bucket="files", Key="copy")["Body"].read() == b"x"
    encoding = s3.head_object(Bucket="files", Key="chunks").get("ContentEncoding", "")
    assert "aws-chunked" not in encoding


def test_wrong_and_unknown_keys(spaces: Spaces) -> None:
    """A wrong secret and an unknown key have errors of their own."""
    key = spaces.key(("", "fullaccess"))
    for wrong, expected in (
        ({**key, "secret_key": "wrong"}, "SignatureDoesNotMatch"),
        ({**key, "access_key": "DOUNKNOWN"}, "InvalidAccessKeyId"),
    ):
        with pytest.raises(ClientError) as error:
            spaces.client(wrong).list_buckets()
        assert code(error) == expected
    spaces.api("DELETE", f"/spaces/keys/{key['access_key']}", status=204)
    with pytest.raises(ClientError) as error:
        spaces.client(key).list_buckets()
    assert code(error) == "InvalidAccessKeyId"


def test_grants(spaces: Spaces) -> None:
    """A limited key opens its bucket, as far as it was granted, and no other."""
    full = spaces.full()
    for name in ("mine", "other"):
        full.create_bucket(Bucket=name)
        full.put_object(Bucket=name, Key="k", Body=b"v")
    reader, writer = spaces.client(spaces.key(("mine", "read"))), spaces.client(spaces.key(("mine", "readwrite")))
    assert reader.get_object(Bucket="mine", Key="k")["Body"].read() == b"v"
    assert reader.list_objects_v2(Bucket="mine")["KeyCount"] == 1
    writer.put_object(Bucket="mine", Key="new", Body=b"x" * 2 * MIB)
    writer.delete_object(Bucket="mine", Key="new")
    refused: list[Callable[[], Any]] = [
        lambda: reader.put_object(Bucket="mine", Key="n", Body=b"x" * 20 * MIB),
        lambda: reader.delete_object(Bucket="mine", Key="k"),
        lambda: reader.get_object(Bucket="other", Key="k"),
        lambda: writer.get_object(Bucket="other", Key="k"),
        lambda: writer.get_object(Bucket="absent", Key="k"),
        lambda: writer.put_bucket_acl(Bucket="mine", ACL="public-read"),
        lambda: writer.delete_bucket(Bucket="mine"),
        lambda: writer.create_bucket(Bucket="fresh"),
        lambda: writer.list_buckets(),
        lambda: writer.copy_object(Bucket="mine", Key="c", CopySource={"Bucket": "other", "Key": "k"}),
        lambda: spaces.client(spaces.key()).get_object(Bucket="mine", Key="k"),
    ]
    for call in refused:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "AccessDenied"


def test_a_bucket_lives_in_one_region(spaces: Spaces) -> None:
    """Elsewhere it does not exist, but its name is taken."""
    spaces.full().create_bucket(Bucket="home")
    far = spaces.client(spaces.key(("", "fullaccess")), region="nyc3", s3={"addressing_style": "path"})
    with pytest.raises(ClientError) as error:
        far.list_objects_v2(Bucket="home")
    assert code(error) == "NoSuchBucket"
    with pytest.raises(ClientError) as error:
        far.create_bucket(Bucket="home")
    assert code(error) == "BucketAlreadyExists"
    assert far.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("version", ["s3v4", None])
def test_presigned(spaces: Spaces, version: str | None) -> None:
    """A presigned address opens one object for a while; changed in any part it opens nothing."""
    spaces.full().create_bucket(Bucket="media")
    key = spaces.key(("media", "readwrite"))
    s3 = spaces.client(key, **({"signature_version": version} if version else {}))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "media", "Key": "a b.txt"}, ExpiresIn=60)
    assert ("X-Amz-Signature" in put) == (version == "s3v4")
    trust = ssl.create_default_context(cafile=str(spaces.root))
    request = urllib.request.Request(put, b"body", {"Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(request, context=trust, timeout=10) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "a b.txt"}, ExpiresIn=60)
    assert spaces.get(get) == (200, b"body")
    status, body = spaces.get(get.replace("a%20b", "a%20c"))
    assert (status, b"SignatureDoesNotMatch" in body) == (403, True)
    status, body = spaces.get(get, method="PUT", data=b"other")
    assert (status, b"SignatureDoesNotMatch" in body) == (403, True)


def test_an_expired_address(spaces: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so."""
    spaces.full().create_bucket(Bucket="media")
    s3 = spaces.client(spaces.key(("media", "read")), signature_version="s3v4")
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: earlier.replace(tzinfo=None))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "k"}, ExpiresIn=60)
    status, body = spaces.get(url)
    assert (status, b"Request has expired" in body) == (403, True)


def test_a_front_whose_clock_is_ahead(spaces: Spaces) -> None:
    """It refuses in S3's own words, for as many calls as it was told to; so does an address signed for a while."""
    s3 = spaces.full()
    s3.create_bucket(Bucket="media")
    spaces.cloud.faults.add({"service": "s3", "do": "skew", "seconds": 3600, "times": 2})
    with pytest.raises(ClientError) as error:
        s3.list_buckets()
    assert code(error) == "RequestTimeTooSkewed"
    dated = spaces.client(spaces.key(("media", "read")), signature_version="s3v4")
    url = dated.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "k"}, ExpiresIn=900)
    status, body = spaces.get(url)
    assert (status, b"Request has expired" in body) == (403, True)
    s3.list_buckets()


def test_anonymous(spaces: Spaces) -> None:
    """Without a key only public objects can be read."""
    s3 = spaces.full()
    s3.create_bucket(Bucket="site", ACL="public-read")
    s3.put_object(Bucket="site", Key="public.png", Body=b"png", ACL="public-read")
    s3.put_object(Bucket="site", Key="private.png", Body=b"png")
    address = "https://site.fra1.digitaloceanspaces.com"
    assert spaces.get(f"{address}/public.png") == (200, b"png")
    assert spaces.get(f"{address}/public.png", method="HEAD")[0] == 200
    assert spaces.get(f"{address}/private.png")[0] == 403
    assert spaces.get(f"{address}/private.png", method="HEAD")[0] == 403
    assert spaces.get(f"{address}/")[0] == 403
    assert spaces.get(f"{address}/new.png", method="PUT", data=b"x")[0] == 403
    assert spaces.get("https://absent.fra1.digitaloceanspaces.com/x")[0] == 404


def test_a_damaged_upload_is_not_kept(spaces: Spaces, keep: Keep) -> None:
    """A body that is not what its checksum says is refused and leaves nothing behind."""
    s3 = spaces.full()
    s3.create_bucket(Bucket="files")
    for more in ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"ChecksumCRC32": "AAAAAA=="}):
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket="files", Key="bad", Body=b"x" * MIB, **more)  # type: ignore[arg-type]
        assert code(error) == "BadDigest"
    assert keep.objects("files") == []


def test_a_lost_keeper_is_started_again(spaces: Spaces, cloud: Cloud, processes: Processes) -> None:
    """With its process the objects are gone: the client is told to come back, the buckets are there again."""
    s3 = spaces.full()
    s3.create_bucket(Bucket="media")
    s3.put_object(Bucket="media", Key="k", Body=b"v")
    processes.end()
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="media", Key="k")
    assert code(error) == "SlowDown"
    assert s3.list_objects_v2(Bucket="media")["KeyCount"] == 0
    assert [e["buckets"] for e in cloud.events if e["event"] == "objects lost"] == [["media"]]


def test_nothing_secret_is_written_down(spaces: Spaces) -> None:
    """Neither log nor the plain state page shows a signature or a secret."""
    key = spaces.key(("", "fullaccess"))
    s3 = spaces.client(key)
    s3.create_bucket(Bucket="media")
    spaces.get(s3.generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "k"}))
    log = (spaces.cloud.directory / "requests.jsonl").read_text()
    assert '"api": "s3"' in log
    assert key["secret_key"] not in log
    assert "Signature=" not in log
