"""The certificates of the tls stand-in: self-signed ones, requests, and those a local authority signs."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rehearsal.plugins.guard import Refused
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.uses import EXTENDED_USES, KEY_USES
from rehearsal.plugins.wire import UNKNOWN, Values

_PEM = re.compile(r"-----BEGIN [A-Za-z ]+-----\n(.|\s)+\n-----END [A-Za-z ]+-----\n?")


def _was_pem(old: Any, new: Any) -> bool:
    return isinstance(old, str) and _PEM.fullmatch(old) is not None


_text = partial(Input, replaces=True)
_texts = partial(Input, kind="list", replaces=True)
_hours = partial(Input, kind="integer")
_flag = partial(Input, kind="flag", replaces=True, computed=True, default=False)
_pem = partial(Input, required=True, replaces=True, replaces_when=_was_pem)

_SUBJECT = ("commonName", "country", "emailAddress", "locality", "organization", "organizationalUnit", "postalCode")
_WHOM: Mapping[str, Input] = {
    "subject": Input(
        kind="block",
        replaces=True,
        fields={
            **{name: Input() for name in (*_SUBJECT, "province", "serialNumber")},
            "streetAddresses": Input(kind="list"),
        },
    ),
    "dnsNames": _texts(),
    "ipAddresses": _texts(),
    "uris": _texts(),
}
_SIGNED: Mapping[str, Input] = {
    "allowedUses": _texts(required=True),
    "validityPeriodHours": _hours(required=True, replaces=True),
    "earlyRenewalHours": _hours(computed=True, default=0),
    "isCaCertificate": _flag(),
    "maxPathLength": _hours(replaces=True, computed=True),
    "setSubjectKeyId": _flag(),
}
_TOLD = ("certPem", "readyForRenewal", "validityEndTime", "validityStartTime")


def _known_uses(values: Values) -> str | None:
    given = values.get("allowedUses")
    uses = [use for use in given if isinstance(use, str)] if isinstance(given, list) else []
    unknown = [use for use in uses if use not in KEY_USES and use not in EXTENDED_USES]
    if not unknown:
        return None
    return f"allowedUses: should be of {', '.join(sorted([*KEY_USES, *EXTENDED_USES]))} (got {unknown[0]!r})"


def _possible_numbers(values: Values) -> str | None:
    for name, least in (("validityPeriodHours", 0), ("earlyRenewalHours", 0), ("maxPathLength", -1)):
        if isinstance(values.get(name), int) and values[name] < least:
            return f"{name}: should be at least {least} (got {values[name]})"
    return None


def _foretold(planned: Values) -> Values:
    """What a plan knows of the renewal already: a certificate may be due from its first hour on."""
    hours, early = planned.get("validityPeriodHours"), planned.get("earlyRenewalHours")
    at_once = isinstance(hours, int) and isinstance(early, int) and early >= hours
    return {"readyForRenewal": hours == 0 or at_once}


def _due(state: Values) -> str | None:
    """The output that asks for a new certificate once the time for its renewal has come."""
    ends, early = state.get("validityEndTime"), state.get("earlyRenewalHours")
    if not isinstance(ends, str) or early is UNKNOWN:
        return None
    renewal = datetime.fromisoformat(ends) - timedelta(hours=early or 0)
    return "readyForRenewal" if renewal <= datetime.now(UTC) else None


def _issued(inputs: Mapping[str, Input], *outputs: str, secret: str) -> Resource:
    return Resource(
        framework="plugin-framework",
        inputs={**inputs, **_SIGNED},
        outputs=(*_TOLD, *outputs),
        secrets=frozenset({secret}),
        checks=(_known_uses, _possible_numbers),
        foretold=_foretold,
        due=_due,
    )


SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert"

RESOURCES: Mapping[str, Resource] = {
    SELF_SIGNED: _issued(
        {"privateKeyPem": _pem(), **_WHOM, "setAuthorityKeyId": _flag()}, "keyAlgorithm", secret="privateKeyPem"
    ),
    REQUEST: Resource(
        framework="plugin-framework",
        inputs={"privateKeyPem": _pem(), **_WHOM},
        outputs=("certRequestPem", "keyAlgorithm"),
        secrets=frozenset({"privateKeyPem"}),
    ),
    LOCALLY_SIGNED: _issued(
        {"caCertPem": _pem(), "caPrivateKeyPem": _pem(), "certRequestPem": _pem()},
        "caKeyAlgorithm",
        secret="caPrivateKeyPem",
    ),
}


def algorithm(key: Any) -> str:
    """The official plugin's word for the kind of a private key."""
    return {"RSAPrivateKey": "RSA", "Ed25519PrivateKey": "ED25519"}.get(type(key).__name__, "ECDSA")


def _create_self_signed(call: Call, asked: Values) -> tuple[str, Values]:
    from rehearsal.plugins import signing

    key = signing.private_key(asked["privateKeyPem"], what="privateKeyPem")
    about = signing.subject(asked.get("subject") or {})
    id, told = _certificate(
        asked, about=about, alternatives=signing.names(asked), public=key.public_key(), issuer=None, key=key
    )
    return id, {**told, "keyAlgorithm": algorithm(key)}


def _create_request(call: Call, asked: Values) -> tuple[str, Values]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from rehearsal.plugins import signing

    key = signing.private_key(asked["privateKeyPem"], what="privateKeyPem")
    request = signing.signed_request(asked, key)
    id = hashlib.sha1(request.public_bytes(Encoding.DER).strip()).hexdigest()
    return id, {"certRequestPem": request.public_bytes(Encoding.PEM).decode(), "keyAlgorithm": algorithm(key)}


def _create_locally_signed(call: Call, asked: Values) -> tuple[str, Values]:
    from rehearsal.plugins import signing

    request = signing.request(asked["certRequestPem"], what="certRequestPem")
    key = signing.private_key(asked["caPrivateKeyPem"], what="caPrivateKeyPem")
    issuer = signing.certificate(asked["caCertPem"], what="caCertPem")
    if issuer.public_key() != key.public_key():
        raise Refused("caPrivateKeyPem: should be the key of caCertPem (got another key)")
    about, alternatives = signing.requested(request)
    id, told = _certificate(
        asked, about=about, alternatives=alternatives, public=request.public_key(), issuer=issuer, key=key
    )
    return id, {**told, "caKeyAlgorithm": algorithm(key)}


def _certificate(asked: Values, *, about: Any, **how: Any) -> tuple[str, Values]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from rehearsal.plugins import signing

    if asked["isCaCertificate"] and not about.rdns:
        raise Refused("subject: should name at least one part of the name of a certificate authority (got none)")
    if not asked["isCaCertificate"] and (asked.get("maxPathLength") or 0) > 0:
        raise Refused("maxPathLength: is for a certificate authority alone, set isCaCertificate or leave it out")
    begins = datetime.now(UTC)
    valid = begins, begins + timedelta(hours=asked["validityPeriodHours"])
    serial = secrets.randbits(128) or 1
    made = signing.signed_certificate(asked, about=about, serial=serial, valid=valid, **how)
    times = {"validityStartTime": valid[0].isoformat(), "validityEndTime": valid[1].isoformat()}
    return str(serial), {**times, **_foretold(asked), "certPem": made.public_bytes(Encoding.PEM).decode()}


def _read(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    if "certPem" not in state:
        raise Refused(f"{call.urn}: a certificate cannot be imported")
    return id, {"readyForRenewal": True} if _due(state) else {}


def _update(call: Call, id: str, state: Values, asked: Values) -> Values:
    """Only the hours of the renewal can change in place: the certificate stays."""
    return _foretold(asked)


VERBS: Mapping[str, Verbs] = {
    SELF_SIGNED: Verbs(create=_create_self_signed, read=_read, update=_update),
    REQUEST: Verbs(create=_create_request, update=lambda call, id, state, asked: {}),
    LOCALLY_SIGNED: Verbs(create=_create_locally_signed, read=_read, update=_update),
}
