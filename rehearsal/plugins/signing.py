"""X.509 certificates and requests as the official tls plugin has Go's library make them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID, ObjectIdentifier

from rehearsal.plugins.guard import Refused
from rehearsal.plugins.uses import EXTENDED_USES, KEY_USES
from rehearsal.plugins.wire import Values

_SUBJECT = (  # in the order in which Go writes them
    ("country", NameOID.COUNTRY_NAME),
    ("organization", NameOID.ORGANIZATION_NAME),
    ("organizationalUnit", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("locality", NameOID.LOCALITY_NAME),
    ("province", NameOID.STATE_OR_PROVINCE_NAME),
    ("streetAddresses", NameOID.STREET_ADDRESS),
    ("postalCode", NameOID.POSTAL_CODE),
    ("commonName", NameOID.COMMON_NAME),
    ("serialNumber", NameOID.SERIAL_NUMBER),
    ("emailAddress", NameOID.EMAIL_ADDRESS),
)
_HASHES = {224: hashes.SHA256(), 256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}


def private_key(pem: str, *, what: str) -> Any:
    """The key in the PEM text."""
    try:
        return forms.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what was given is a secret: the reason would quote it
        raise Refused(f"{what}: should be a private key in PEM form") from None


def certificate(pem: str, *, what: str) -> x509.Certificate:
    """The one certificate in the PEM text."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise Refused(f"{what}: should be a certificate in PEM form ({error})") from None


def request(pem: str, *, what: str) -> x509.CertificateSigningRequest:
    """The certificate request in the PEM text."""
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        raise Refused(f"{what}: should be a certificate request in PEM form ({error})") from None


def subject(asked: Values) -> x509.Name:
    """The distinguished name of a `subject` input."""
    given = {name: value if isinstance(value, list) else [value] for name, value in asked.items() if value is not None}
    return x509.Name([x509.NameAttribute(oid, text) for name, oid in _SUBJECT for text in given.get(name, ())])


def names(asked: Values) -> list[x509.GeneralName]:
    """The alternative names of a certificate or a request."""
    dns: list[x509.GeneralName] = [x509.DNSName(name) for name in asked.get("dnsNames") or ()]
    addresses = [x509.IPAddress(_address(text)) for text in asked.get("ipAddresses") or ()]
    return [*dns, *addresses, *(x509.UniformResourceIdentifier(uri) for uri in asked.get("uris") or ())]


def requested(asked: x509.CertificateSigningRequest) -> tuple[x509.Name, list[x509.GeneralName]]:
    """Whom a request is for; Go loses the mail address between request and certificate."""
    about = x509.Name([part for part in asked.subject if part.oid != NameOID.EMAIL_ADDRESS])
    try:
        return about, [*asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        return about, []


def signed_request(asked: Values, key: Any) -> x509.CertificateSigningRequest:
    """A request for a certificate, signed by its own key."""
    about, alternatives = subject(asked.get("subject") or {}), names(asked)
    builder = x509.CertificateSigningRequestBuilder(about)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not about.rdns)
    return builder.sign(key, _hash(key))


def signed_certificate(
    asked: Values,
    *,
    about: x509.Name,
    alternatives: Iterable[x509.GeneralName],
    public: Any,
    issuer: x509.Certificate | None,
    key: Any,
    serial: int,
    valid: tuple[datetime, datetime],
) -> x509.Certificate:
    """A certificate for `public`, signed by the issuer's key, or by its own where there is no issuer."""
    builder = (
        x509.CertificateBuilder(issuer.subject if issuer else about, about, public, serial)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
    )
    for extension, critical in _extensions(asked, about, [*alternatives], public, issuer):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, _hash(key))


def _extensions(
    asked: Values,
    about: x509.Name,
    alternatives: list[x509.GeneralName],
    public: Any,
    issuer: x509.Certificate | None,
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    uses, authority = asked["allowedUses"], asked["isCaCertificate"]
    if any(use in KEY_USES for use in uses):
        yield x509.KeyUsage(**{flag: name in uses for name, flag in KEY_USES.items()}), True
    if extended := [use for use in uses if use in EXTENDED_USES]:
        yield x509.ExtendedKeyUsage([ObjectIdentifier(EXTENDED_USES[use]) for use in extended]), False
    yield x509.BasicConstraints(ca=authority, path_length=asked.get("maxPathLength") or None), True
    own = _key_identifier(public)
    if authority or asked["setSubjectKeyId"]:
        yield own, False
    if by := _authority(asked, about, own, issuer):
        yield by, False
    if alternatives:
        yield x509.SubjectAlternativeName(alternatives), not about.rdns


def _authority(
    asked: Values, about: x509.Name, own: x509.SubjectKeyIdentifier, issuer: x509.Certificate | None
) -> x509.AuthorityKeyIdentifier | None:
    """Who signed: told when asked for, and always when it is another who has a key identifier itself."""
    if issuer is None:
        told = bool(asked.get("setAuthorityKeyId"))
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own) if told else None
    try:
        theirs = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    same = issuer.subject == about
    return None if same else x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs)


def _key_identifier(public: Any) -> x509.SubjectKeyIdentifier:
    if isinstance(public, Ed25519PublicKey):  # the official plugin takes the key within its ASN.1 header
        return x509.SubjectKeyIdentifier(hashlib.sha1(b"\x04\x20" + public.public_bytes_raw()).digest())
    return x509.SubjectKeyIdentifier.from_public_key(public)


def _hash(key: Any) -> Any:
    if isinstance(key, Ed25519PrivateKey):
        return None
    return _HASHES[key.key_size] if isinstance(key, EllipticCurvePrivateKey) else hashes.SHA256()


def _address(text: str) -> Any:
    try:
        return ip_address(text)
    except ValueError:
        raise Refused(f"ipAddresses: should be IP addresses (got {text!r})") from None
