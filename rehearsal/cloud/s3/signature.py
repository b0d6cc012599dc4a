"""Who signed a request: version 4 in a header or in the query, and version 2 in the query as boto3 still presigns."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from rehearsal.cloud.s3.errors import S3Error, denied
from rehearsal.cloud.s3.target import Target

V4 = "AWS4-HMAC-SHA256"
HEADER = re.compile(rf"{V4}\s+Credential=([^,\s]+)[,\s]+SignedHeaders=([^,\s]+)[,\s]+Signature=([0-9a-f]+)")
SKEW = timedelta(minutes=15)
LONGEST = 7 * 24 * 3600
V2_PARTS = re.compile(
    "accelerate|acl|analytics|cors|delete|defaultObjectAcl|inventory|lifecycle|location|logging|metrics|notification"
    "|object-lock|partNumber|policy|replication|requestPayment|response-(cache-control|content-disposition"
    "|content-encoding|content-language|content-type|expires)|restore|retention|select|select-type|tagging|torrent"
    "|uploadId|uploads|versionId|versioning|versions|website"
)
Secret = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a version 4 signature says about itself."""

    access_key: str
    scope: str
    signed: tuple[str, ...]
    signature: str
    date: str
    payload: str


def signer(target: Target, headers: Mapping[str, str], *, secret: Secret, now: datetime | None = None) -> str | None:
    """Give the access key that signed a request, None for an anonymous one, or refuse."""
    moment = now or datetime.now(UTC)
    if authorization := headers.get("authorization"):
        return _header(target, headers, authorization, secret, moment)
    if target.asked("X-Amz-Algorithm"):
        return _presigned(target, headers, secret, moment)
    if target.asked("AWSAccessKeyId"):
        return _version2(target, headers, secret, moment)
    return None


def _secret(secret: Secret, access_key: str) -> str:
    found = secret(access_key)
    if found is None:
        raise S3Error(403, "InvalidAccessKeyId", "The access key ID you provided does not exist in our records.")
    return found


def _header(target: Target, headers: Mapping[str, str], authorization: str, secret: Secret, moment: datetime) -> str:
    found = HEADER.fullmatch(authorization.strip())
    if not found:
        raise S3Error(400, "InvalidRequest", f"The authorization mechanism is not supported, please use {V4}.")
    access_key, _, scope = found[1].partition("/")
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    claim = Claim(
        access_key=access_key,
        scope=scope,
        signed=tuple(found[2].split(";")),
        signature=found[3],
        date=headers.get("x-amz-date", ""),
        payload=payload,
    )
    if abs(moment - _moment(claim.date)) > SKEW:
        message = "The difference between the request time and the server's time is too large."
        raise S3Error(403, "RequestTimeTooSkewed", message)
    return _check(target, headers, claim, secret)


def _presigned(target: Target, headers: Mapping[str, str], secret: Secret, moment: datetime) -> str:
    access_key, _, scope = (target.asked("X-Amz-Credential") or "").partition("/")
    claim = Claim(
        access_key=access_key,
        scope=scope,
        signed=tuple((target.asked("X-Amz-SignedHeaders") or "").split(";")),
        signature=target.asked("X-Amz-Signature") or "",
        date=target.asked("X-Amz-Date") or "",
        payload=headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    )
    seconds = target.asked("X-Amz-Expires") or ""
    if not seconds.isdigit() or not 0 < int(seconds) <= LONGEST:
        raise S3Error(400, "AuthorizationQueryParametersError", "X-Amz-Expires should be between 1 and 604800")
    signed_at = _moment(claim.date)
    if signed_at - moment > SKEW:
        raise denied("Request is not valid yet")
    if moment > signed_at + timedelta(seconds=int(seconds)):
        raise denied("Request has expired")
    return _check(target, headers, claim, secret)


def _moment(date: str) -> datetime:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise denied(f"x-amz-date should look like 20260131T235959Z (got {date!r})") from None


def _check(target: Target, headers: Mapping[str, str], claim: Claim, secret: Secret) -> str:
    key = _secret(secret, claim.access_key)
    parts = claim.scope.split("/")
    if len(parts) != 4 or parts[2:] != ["s3", "aws4_request"] or not claim.date.startswith(parts[0]):
        raise S3Error(400, "AuthorizationHeaderMalformed", f"The credential scope {claim.scope!r} is malformed.")
    loose = [name for name in headers if name.startswith("x-amz-") and name not in claim.signed]
    if loose or "host" not in claim.signed:
        raise denied("There were headers present in the request which were not signed: " + ", ".join(loose or ["host"]))
    wanted = _signature(key, claim, _canonical(target, headers, claim))
    if not hmac.compare_digest(wanted, claim.signature):
        raise _mismatch()
    return claim.access_key


def _mismatch() -> S3Error:
    message = "The request signature we calculated does not match the signature you provided."
    return S3Error(403, "SignatureDoesNotMatch", message)


def _canonical(target: Target, headers: Mapping[str, str], claim: Claim) -> str:
    query = sorted((_quote(k), _quote(v)) for k, v in target.query if k != "X-Amz-Signature")
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in claim.signed]
    return "\n".join(
        [
            target.method,
            target.raw_path,
            "&".join(f"{k}={v}" for k, v in query),
            *lines,
            "",
            ";".join(claim.signed),
            claim.payload,
        ]
    )


def _quote(text: str) -> str:
    return quote(text, safe="-_.~")


def _signature(secret: str, claim: Claim, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"{V4}\n{claim.date}\n{claim.scope}\n{digest}".encode(), "sha256").hex()


def _version2(target: Target, headers: Mapping[str, str], secret: Secret, moment: datetime) -> str:
    access_key, expires = target.asked("AWSAccessKeyId") or "", target.asked("Expires") or ""
    key = _secret(secret, access_key)
    amz = sorted(f"{name}:{value.strip()}\n" for name, value in headers.items() if name.startswith("x-amz-"))
    lines = [target.method, headers.get("content-md5", ""), headers.get("content-type", ""), expires]
    text = "\n".join(lines) + "\n" + "".join(amz) + _v2_resource(target)
    wanted = base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha1")).decode()
    if not hmac.compare_digest(wanted, target.asked("Signature") or ""):
        raise _mismatch()
    if not expires.isdigit() or moment.timestamp() > int(expires):
        raise denied("Request has expired")
    return access_key


def _v2_resource(target: Target) -> str:
    path = f"/{target.bucket}/{target.raw_key}" if target.bucket else "/"
    parts = sorted((k, v) for k, v in target.query if V2_PARTS.fullmatch(k))
    query = "&".join(f"{k}={v}" if v else k for k, v in parts)
    return f"{path}?{query}" if query else path
