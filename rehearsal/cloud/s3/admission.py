"""Who may do what: signatures, then the bucket's policy, then what a key or an access list grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from rehearsal import storage_keys
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.s3 import access, actions, buckets, policy, signature
from rehearsal.cloud.s3.errors import denied
from rehearsal.cloud.s3.keep import Keep
from rehearsal.cloud.s3.policy import Effect, Question
from rehearsal.cloud.s3.profiles import HETZNER, Profile
from rehearsal.cloud.s3.target import Target


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request whose signature holds; `facts` are what conditions of policies may ask for."""

    profile: Profile
    target: Target
    headers: Mapping[str, str]
    access_key: str | None
    facts: Mapping[str, str]


class Admission:
    """Lets requests in, or refuses them."""

    def __init__(self, cloud: Cloud, *, keep: Keep) -> None:
        self.cloud = cloud
        self.keep = keep

    def visit(
        self, profile: Profile, target: Target, headers: Mapping[str, str], *, peer: str, tls: bool, now: datetime
    ) -> Visit:
        """Say who asks, or refuse a wrong signature."""
        facts = {
            "aws:sourceip": peer,
            "aws:securetransport": str(tls).lower(),
            "s3:prefix": target.asked("prefix") or "",
            "s3:x-amz-acl": headers.get("x-amz-acl", "private"),
        }
        access_key = signature.signer(target, headers, secret=lambda key: self._secret(profile, key), now=now)
        return Visit(profile=profile, target=target, headers=headers, access_key=access_key, facts=facts)

    def _secret(self, profile: Profile, access_key: str) -> str | None:
        if profile is HETZNER:
            return storage_keys.secret(self.cloud.directory, access_key)
        with self.cloud.store.read() as state:
            key = state.spaces_keys.get(access_key)
            return key.secret_key if key else None

    def admit(self, visit: Visit) -> None:
        """Refuse what nothing allows; what is copied has to be allowed to be read, too."""
        if visit.access_key is None and visit.target.method == "OPTIONS":
            return
        said = self._said(visit)
        if said == "Deny":
            raise denied()
        if said is None:
            self._grants(visit)
        if source := visit.headers.get("x-amz-copy-source"):
            self._admit_source(visit, unquote(source).lstrip("/").partition("?")[0])

    def _said(self, visit: Visit) -> Effect | None:
        target = visit.target
        if access.deletes_several(target):
            return None  # each object is asked about when the body has been read
        resource = actions.arn(target.bucket, target.key)
        return self.decide(visit, actions.action(target), bucket=target.bucket, resource=resource)

    def decide(self, visit: Visit, action: str, *, bucket: str, resource: str) -> Effect | None:
        """Give what a bucket's policy says."""
        with self.cloud.store.read() as state:
            known = state.buckets.get(bucket)
            text = known.policy if known and known.region == visit.target.region else ""
        if not text:
            return None
        who = visit.profile.who(visit.access_key)
        question = Question(who=who, action=action, resource=resource, facts=visit.facts)
        return policy.decide(policy.parse(text.encode()), question)

    def _grants(self, visit: Visit) -> None:
        """What no policy is about: a key of Spaces opens what it was granted, one of Hetzner everything."""
        if visit.access_key is None:
            self._public(visit.target)
        elif visit.profile is not HETZNER:
            self._granted(visit.access_key, bucket=visit.target.bucket, permission=access.needed(visit.target))

    def _granted(self, access_key: str, *, bucket: str, permission: str) -> None:
        with self.cloud.store.read() as state:
            key = state.spaces_keys[access_key]
        access.check(key, bucket=bucket, permission=permission)

    def _public(self, target: Target) -> None:
        with self.cloud.store.read() as state:
            buckets.present(state, target.bucket, region=target.region)
        # Asked of moto by hand: it would let anybody read all of a bucket that is public itself.
        if not access.may_be_public(target) or not self.keep.is_public(target.inner_path):
            raise denied()

    def _admit_source(self, visit: Visit, source: str) -> None:
        bucket, _, key = source.partition("/")
        said = self.decide(visit, "s3:GetObject", bucket=bucket, resource=actions.arn(bucket, key))
        if said == "Deny" or (said is None and visit.access_key is None):
            raise denied()
        if said is None and visit.access_key and visit.profile is not HETZNER:
            self._granted(visit.access_key, bucket=bucket, permission="read")
        with self.cloud.store.read() as state:
            buckets.present(state, bucket, region=visit.target.region)
