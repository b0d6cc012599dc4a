"""Who sells object storage under which names, and what each does not sell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal import storage_keys
from rehearsal.cloud.digitalocean.catalog import SPACES_REGIONS
from rehearsal.cloud.s3.errors import S3Error
from rehearsal.cloud.s3.target import Target

ANYBODY = frozenset({"*"})
PRINCIPAL = "arn:aws:iam:::user/"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One seller; `owner` is whom its buckets belong to, `refused` are the parts of buckets and objects it lacks."""

    domain: str
    regions: tuple[str, ...]
    owner: str
    acls: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    refused_lifecycle: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Give the names a certificate needs: regions, and buckets in them."""
        return [f"*.{self.domain}", *(f"*.{region}.{self.domain}" for region in self.regions)]

    def who(self, access_key: str | None) -> frozenset[str]:
        """Give the principals that the holder of a key goes by: all keys belong to one owner."""
        if access_key is None:
            return ANYBODY
        user = f"{PRINCIPAL}{self.owner}"
        return ANYBODY | {user, f"{user}:*", f"{user}:{access_key}"}

    def check(self, target: Target, headers: Mapping[str, str]) -> None:
        """Refuse what is not sold."""
        if part := next((name for name, _ in target.query if name in self.refused), None):
            raise S3Error(501, "NotImplemented", f"{part}: this object storage does not have it.")
        acl = headers.get("x-amz-acl")
        if self.acls and acl not in (None, *self.acls):
            raise S3Error(400, "InvalidArgument", f"x-amz-acl should be one of {', '.join(self.acls)} (got {acl!r})")
        if self.acls and (grant := next((name for name in headers if name.startswith("x-amz-grant-")), None)):
            raise S3Error(501, "NotImplemented", f"{grant}: access is granted by x-amz-acl or a policy only.")

    def check_lifecycle(self, body: bytes) -> bytes:
        """Give a lifecycle, or refuse what is not sold."""
        if named := next((name for name in self.refused_lifecycle if name.encode() in body), None):
            raise S3Error(501, "NotImplemented", f"{named}: this object storage does not have it.")
        return body


SPACES = Profile(domain="digitaloceanspaces.com", regions=SPACES_REGIONS, owner="rehearsal")
_NOT_AT_HETZNER = """
    accelerate analytics attributes encryption intelligent-tiering inventory logging metrics notification
    ownershipControls replication requestPayment restore select tagging torrent website
"""
HETZNER = Profile(
    domain="your-objectstorage.com",
    regions=("fsn1", "nbg1", "hel1"),
    owner=f"p{storage_keys.PROJECT}",
    acls=("private", "public-read"),
    refused=frozenset(_NOT_AT_HETZNER.split()),
    refused_lifecycle=("NewerNoncurrentVersions",),
)
PROFILES = (SPACES, HETZNER)


def find(host: str) -> Profile | None:
    """Give who sells under a host's name."""
    return next((profile for profile in PROFILES if host.endswith(f".{profile.domain}")), None)
