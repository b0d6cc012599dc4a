"""The driver's verbs `bucket` and `remove-bucket`, against object storage whose policies hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from rehearsal import storage_keys
from release import bucket as storage
from release.bucket import BucketError
from release.driver import bucket as verb
from release.driver import bucket_policy
from release.driver.bucket import Wanted, keep
from release.driver.bucket_removal import remove
from release.driver.failure import Failure
from tests.rehearsal.cloud.spaces import Hetzner, code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "slipway-staging-media-ab12cd"
OWNER = "slipway-staging-ab12cd"


@pytest.fixture(autouse=True)
def _trusting(hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(hetzner.root))
    monkeypatch.setattr(verb, "SETTLES", 0.0)
    yield
    storage._clients.clear()


def wanted(hetzner: Hetzner, name: str = NAME, **more: Any) -> Wanted:
    pairs = storage_keys.settings(hetzner.cloud.directory)
    document = {key.removeprefix("storage-").replace("-", "_"): value for key, value in pairs.items()}
    place = {"region": "fsn1", "endpoint": "https://fsn1.your-objectstorage.com"}
    rest = {"owner": OWNER, "versioned": True, "kept_days": 30}
    return Wanted.parse(name, {**document, **place, **rest, **more})


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return code(error)


def test_a_bucket_that_its_two_pairs_open(hetzner: Hetzner) -> None:
    assert keep(wanted(hetzner)) == {"bucket": NAME, "notes": []}
    program, site = hetzner.program(), hetzner.site()
    assert program.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
    (rule,) = program.get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    site.put_object(Bucket=NAME, Key="a", Body=b"one")
    site.delete_object(Bucket=NAME, Key="a")
    (version,) = program.list_object_versions(Bucket=NAME)["Versions"]
    forbidden: list[Callable[[S3Client], Any]] = [
        lambda s3: s3.delete_object(Bucket=NAME, Key="a", VersionId=version["VersionId"]),
        lambda s3: s3.put_bucket_policy(Bucket=NAME, Policy='{"Version":"2012-10-17","Statement":[]}'),
        lambda s3: s3.delete_bucket_policy(Bucket=NAME),
        lambda s3: s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Suspended"}),
        lambda s3: s3.delete_bucket_lifecycle(Bucket=NAME),
        lambda s3: s3.put_bucket_acl(Bucket=NAME, ACL="public-read"),
        lambda s3: s3.delete_bucket(Bucket=NAME),
    ]
    assert {refused(lambda call=call: call(site)) for call in forbidden} == {"AccessDenied"}  # type: ignore[misc]


def test_again_changes_nothing(hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(wanted(hetzner))
    monkeypatch.setattr(verb, "_put_policy", lambda *_: pytest.fail("the policy was put again"))
    keep(wanted(hetzner))


def test_a_bucket_another_environment_keeps_is_closed_to_this_one(hetzner: Hetzner) -> None:
    keep(wanted(hetzner))
    theirs = {"site_access_key": "THEIRS", "site_secret_key": "x"}
    closed = bucket_policy.closed(
        "other", owner="other", program=_key(hetzner, "program"), site=_key(hetzner, "THEIRS")
    )
    hetzner.program().create_bucket(Bucket="other")
    hetzner.program().put_object(Bucket="other", Key="a", Body=b"one")
    assert hetzner.site().get_object(Bucket="other", Key="a")["Body"].read() == b"one"  # else nothing would be proven
    hetzner.program().put_bucket_policy(Bucket="other", Policy=json.dumps(closed))
    assert refused(lambda: hetzner.site().get_object(Bucket="other", Key="a")) == "AccessDenied"
    assert refused(lambda: hetzner.site().delete_bucket_policy(Bucket="other")) == "AccessDenied"
    with pytest.raises(Failure, match=r"bucket other: should be this environment's or not there \(got one of other\)"):
        keep(wanted(hetzner, "other", **theirs))


def _key(hetzner: Hetzner, which: str) -> str:
    access_key = hetzner.pairs.program.access_key if which == "program" else which
    return bucket_policy.principal(f"p{storage_keys.PROJECT}", access_key)


def test_a_bucket_with_something_in_it_and_no_policy_is_left_alone(hetzner: Hetzner) -> None:
    program = hetzner.program()
    program.create_bucket(Bucket=NAME)
    program.put_object(Bucket=NAME, Key="a", Body=b"one")
    with pytest.raises(Failure, match="got one with objects in it"):
        keep(wanted(hetzner))
    assert refused(lambda: program.get_bucket_policy(Bucket=NAME)) == "NoSuchBucketPolicy"


def test_an_empty_one_of_an_interrupted_up_is_taken(hetzner: Hetzner) -> None:
    hetzner.program().create_bucket(Bucket=NAME)
    assert keep(wanted(hetzner))["bucket"] == NAME


def test_principals_that_match_nobody_lock_nobody_out(hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_policy, "principal", lambda project, key: f"arn:aws:iam:::user/p1:{key}")
    with pytest.raises(BucketError, match="should refuse the servers' pair to remove a version"):
        keep(wanted(hetzner))
    hetzner.program().list_objects_v2(Bucket=NAME)


def test_a_former_pair_keeps_a_new_one_out_until_it_hands_over(
    hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(wanted(hetzner))
    pairs = hetzner.pairs
    changed = {
        "access_key": pairs.site.access_key,
        "secret_key": pairs.site.secret_key,
        "site_access_key": pairs.program.access_key,
        "site_secret_key": pairs.program.secret_key,
    }
    with pytest.raises(BucketError, match="AccessDenied"):
        keep(wanted(hetzner, **changed))
    monkeypatch.setenv("SLIPWAY_FORMER_ACCESS_KEY", pairs.program.access_key)
    monkeypatch.setenv("SLIPWAY_FORMER_SECRET_KEY", pairs.program.secret_key)
    keep(wanted(hetzner, **changed))
    keep(wanted(hetzner, **changed))  # what is handed over stays so, and the former pair may not take it back
    assert refused(lambda: hetzner.program().delete_bucket_policy(Bucket=NAME)) == "AccessDenied"


def test_one_pair_for_both_is_refused(hetzner: Hetzner) -> None:
    same = {"site_access_key": hetzner.pairs.program.access_key}
    with pytest.raises(Failure, match="storage-site-access-key: should be of another pair"):
        keep(wanted(hetzner, **same))


def test_removed_with_everything_in_it(hetzner: Hetzner) -> None:
    keep(wanted(hetzner))
    site, program = hetzner.site(), hetzner.program()
    for n in range(3):
        site.put_object(Bucket=NAME, Key=f"{n % 2}", Body=b"one")
    site.delete_object(Bucket=NAME, Key="0")
    program.create_multipart_upload(Bucket=NAME, Key="half")
    remove(wanted(hetzner))
    assert refused(lambda: program.list_objects_v2(Bucket=NAME)) == "NoSuchBucket"
    assert remove(wanted(hetzner)) == {"bucket": NAME, "notes": []}


def test_anothers_bucket_is_not_removed(hetzner: Hetzner) -> None:
    keep(wanted(hetzner))
    with pytest.raises(Failure, match="got another's policy on it"):
        remove(wanted(hetzner, owner="somebody"))
    hetzner.program().list_objects_v2(Bucket=NAME)
