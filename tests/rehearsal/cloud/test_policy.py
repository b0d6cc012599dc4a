"""What a bucket's policy decides, as a table: read as Ceph's gateway reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.cloud.s3 import policy
from rehearsal.cloud.s3.actions import action, arn
from rehearsal.cloud.s3.errors import S3Error
from rehearsal.cloud.s3.policy import Question
from rehearsal.cloud.s3.profiles import HETZNER
from rehearsal.cloud.s3.target import parse

USER = f"arn:aws:iam:::user/{HETZNER.owner}"
ALL = ["arn:aws:s3:::media", "arn:aws:s3:::media/*"]


def _document(*statements: dict[str, Any]) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()


def _deny(**more: Any) -> dict[str, Any]:
    plain = {"Effect": "Deny", "Principal": {"AWS": f"{USER}:SITE"}, "Action": "s3:DeleteObject", "Resource": ALL}
    return {name: value for name, value in {**plain, **more}.items() if value is not None}


def _said(
    *statements: dict[str, Any], key: str | None = "SITE", act: str = "s3:DeleteObject", to: str = arn("media", "a/b")
) -> str | None:
    facts = {"aws:sourceip": "198.51.100.20", "aws:securetransport": "true", "s3:prefix": "wal/1"}
    question = Question(who=HETZNER.who(key), action=act, resource=to, facts=facts)
    return policy.decide(policy.parse(_document(*statements)), question)


ALLOW = _deny(Effect="Allow", Principal="*")
KEEPERS = [f"{USER}:PROGRAM", f"{USER}:SITE"]
TABLE: list[tuple[str, str | None, dict[str, Any]]] = [
    ("a key is named by project and access key", "Deny", _deny()),
    ("another key is not meant", None, _deny(Principal={"AWS": f"{USER}:OTHER"})),
    ("a list of principals", "Deny", _deny(Principal={"AWS": [f"{USER}:OTHER", f"{USER}:SITE"]})),
    ("the project is all its keys", "Deny", _deny(Principal={"AWS": USER})),
    ("all keys of the project", "Deny", _deny(Principal={"AWS": f"{USER}:*"})),
    ("a star inside a principal is no wildcard", None, _deny(Principal={"AWS": f"{USER}:SI*"})),
    ("Amazon's own form matches nobody", None, _deny(Principal={"AWS": "arn:aws:iam::123456789012:user/SITE"})),
    ("everybody", "Deny", _deny(Principal="*")),
    ("everybody, the long way", "Deny", _deny(Principal={"AWS": ["*"]})),
    ("all but this key", None, _deny(Principal=None, NotPrincipal={"AWS": KEEPERS})),
    ("all but another key", "Deny", _deny(Principal=None, NotPrincipal={"AWS": KEEPERS[:1]})),
    ("without a principal nobody is meant", None, _deny(Principal=None)),
    ("a wildcard", "Deny", _deny(Action="s3:Delete*")),
    ("every action", "Deny", _deny(Action="s3:*")),
    ("actions in any case", "Deny", _deny(Action="s3:deleteOBJECT")),
    ("another action", None, _deny(Action=["s3:PutObject", "s3:DeleteObjectVersion"])),
    ("one mark, one letter", None, _deny(Action="s3:Delete?bject*Version")),
    ("the trap: a NotAction alone applies to nothing", None, _deny(Action=None, NotAction="s3:GetObject")),
    ("the bucket is not its objects", None, _deny(Resource=ALL[0])),
    ("a part of the bucket", "Deny", _deny(Resource="arn:aws:s3:::media/a/*")),
    ("another part", None, _deny(Resource="arn:aws:s3:::media/b/*")),
    ("another bucket", None, _deny(Resource="arn:aws:s3:::other/*")),
    ("all but another part", "Deny", _deny(Resource=None, NotResource="arn:aws:s3:::media/b/*")),
    ("all but this part", None, _deny(Resource=None, NotResource="arn:aws:s3:::media/a/*")),
    ("without a resource nothing is meant", None, _deny(Resource=None)),
    ("letters between brackets are letters", None, _deny(Resource="arn:aws:s3:::media/[a]/b")),
    ("allowed", "Allow", ALLOW),
    ("an address that fits", "Deny", _deny(Condition={"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}})),
    ("an address that does not", None, _deny(Condition={"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24"]}})),
    ("TLS", None, _deny(Condition={"Bool": {"aws:SecureTransport": False}})),
    ("a prefix", "Deny", _deny(Condition={"StringLike": {"s3:prefix": "wal/*"}})),
    ("all conditions hold", None, _deny(Condition={"StringEquals": {"s3:prefix": "wal/1", "aws:SourceIp": "no"}})),
    ("what is not known does not hold", None, _deny(Condition={"StringEquals": {"aws:Referer": "x"}})),
]


@pytest.mark.parametrize(("wanted", "statement"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_one_statement_says(wanted: str | None, statement: dict[str, Any]) -> None:
    assert _said(statement) == wanted


def test_one_deny_outweighs_every_allow() -> None:
    assert _said(ALLOW, _deny(), ALLOW) == "Deny"
    assert _said(ALLOW, _deny(), key="OTHER") == "Allow"


def test_nobody_s_key() -> None:
    """Without a key one is everybody, and none of those that are named."""
    assert _said(ALLOW, key=None) == "Allow"
    assert _said(_deny(Principal={"AWS": f"{USER}:*"}), key=None) is None
    assert _said(_deny(Principal=None, NotPrincipal={"AWS": KEEPERS}), key=None) == "Deny"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "should be an object"),
        (b'{"Rules": []}', "should be an object"),
        (b'{"Version": "2020-01-01", "Statement": []}', "Version should be one of"),
        (_document(_deny(Colour="blue")), "a statement has"),
        (_document(_deny(Effect="deny")), "Effect should be Allow or Deny"),
        (_document(_deny(Effect="Allow", Principal=None, NotPrincipal="*")), "Allow with NotPrincipal"),
        (_document(_deny(Principal="SITE")), "a principal should be"),
        (_document(_deny(Principal={"CanonicalUser": "p1"})), "a principal should be"),
        (_document(_deny(Principal={"AWS": "arn:aws:iam:::p1"})), "Principal 'arn:aws:iam:::p1'"),
        (_document(_deny(Action="s3:PutBucketOwnershipControls")), "is not a valid action"),
        (_document(_deny(Action="DeleteObject")), "is not a valid action"),
        (_document(_deny(Action=None, NotAction="s3:Fly")), "is not a valid action"),
        (_document(_deny(Action=7)), "should be texts"),
        (_document(_deny(Resource="media/*")), "Resource 'media/*'"),
        (_document(_deny(Condition={"Weather": {"sky": "blue"}})), "condition 'Weather'"),
        (_document(_deny(Condition=["x"])), "Condition should be"),
        (b" " * 20481, "a policy may have 20480 bytes"),
    ],
)
def test_what_is_no_policy(text: bytes, problem: str) -> None:
    with pytest.raises(S3Error, match=problem.replace("*", r"\*")) as error:
        policy.parse(text)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("request_line", "wanted"),
    [
        ("GET /", "s3:ListAllMyBuckets"),
        ("PUT /media", "s3:CreateBucket"),
        ("DELETE /media", "s3:DeleteBucket"),
        ("HEAD /media", "s3:ListBucket"),
        ("GET /media?list-type=2", "s3:ListBucket"),
        ("GET /media?versions", "s3:ListBucketVersions"),
        ("GET /media?uploads", "s3:ListBucketMultipartUploads"),
        ("GET /media?location", "s3:GetBucketLocation"),
        ("GET /media?acl", "s3:GetBucketAcl"),
        ("PUT /media?acl", "s3:PutBucketAcl"),
        ("PUT /media?versioning", "s3:PutBucketVersioning"),
        ("PUT /media?lifecycle", "s3:PutLifecycleConfiguration"),
        ("DELETE /media?lifecycle", "s3:PutLifecycleConfiguration"),
        ("DELETE /media?cors", "s3:PutBucketCORS"),
        ("GET /media?policy", "s3:GetBucketPolicy"),
        ("PUT /media?policy", "s3:PutBucketPolicy"),
        ("DELETE /media?policy", "s3:DeleteBucketPolicy"),
        ("GET /media?policyStatus", "s3:GetBucketPolicyStatus"),
        ("DELETE /media?publicAccessBlock", "s3:DeleteBucketPublicAccessBlock"),
        ("GET /media/k", "s3:GetObject"),
        ("HEAD /media/k?versionId=1", "s3:GetObjectVersion"),
        ("GET /media/k?acl", "s3:GetObjectAcl"),
        ("PUT /media/k?acl&versionId=1", "s3:PutObjectVersionAcl"),
        ("PUT /media/k", "s3:PutObject"),
        ("DELETE /media/k", "s3:DeleteObject"),
        ("DELETE /media/k?versionId=1", "s3:DeleteObjectVersion"),
        ("DELETE /media/k?tagging", "s3:DeleteObjectTagging"),
        ("POST /media/k?uploads", "s3:PutObject"),
        ("PUT /media/k?uploadId=u&partNumber=1", "s3:PutObject"),
        ("POST /media/k?uploadId=u", "s3:PutObject"),
        ("GET /media/k?uploadId=u", "s3:ListMultipartUploadParts"),
        ("DELETE /media/k?uploadId=u", "s3:AbortMultipartUpload"),
    ],
)
def test_what_a_request_is_called(request_line: str, wanted: str) -> None:
    method, _, uri = request_line.partition(" ")
    host = f"fsn1.{HETZNER.domain}"
    found = parse(method=method, host=host, uri=uri, domain=HETZNER.domain, regions=HETZNER.regions)
    assert action(found) == wanted


def test_who_lets_anybody_in() -> None:
    assert policy.is_public(policy.parse(_document(ALLOW)))
    assert not policy.is_public(policy.parse(_document(_deny(), {**ALLOW, "Principal": {"AWS": f"{USER}:SITE"}})))
