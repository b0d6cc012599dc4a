"""Certificates of the tls stand-in: what TLS itself makes of them, what renews them, what is refused."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from rehearsal.plugins import certificates, check, diff, state, tls
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.wire import UNKNOWN, Secret, Values, decode
from tests.rehearsal.plugins.test_random_tls import CALL

KEY = "tls:index/privateKey:PrivateKey"
TEN_YEARS = 87_600
AUTHORITY = {"allowedUses": ["cert_signing", "crl_signing"], "isCaCertificate": True, "validityPeriodHours": TEN_YEARS}
ADDRESS = "10.0.1.10"


def _made(token: str, **inputs: Any) -> tuple[str, Values]:
    rules = tls.RESOURCES[token]
    assert check.failures(rules, inputs) == {}
    id, facts = tls.VERBS[token].create(CALL, state.asked(rules, inputs))
    return id, {**state.planned(rules, inputs), **facts}


def _key(**kind: str) -> str:
    return str(_made(KEY, **(kind or {"algorithm": "ECDSA", "ecdsaCurve": "P256"}))[1]["privateKeyPem"])


def _authority(key: str, **more: Any) -> Values:
    return _made(
        certificates.SELF_SIGNED, privateKeyPem=key, subject={"commonName": "site database"}, **AUTHORITY, **more
    )[1]


def _server(ca_key: str, ca: Values, key: str, **more: Any) -> Values:
    request = _made(
        certificates.REQUEST, privateKeyPem=key, subject={"commonName": "db"}, ipAddresses=[ADDRESS], dnsNames=["db"]
    )[1]
    uses = {"allowedUses": ["digital_signature", "server_auth"], "validityPeriodHours": TEN_YEARS, **more}
    return _made(
        certificates.LOCALLY_SIGNED,
        caCertPem=ca["certPem"],
        caPrivateKeyPem=ca_key,
        certRequestPem=request["certRequestPem"],
        **uses,
    )[1]


def _handshake(folder: Path, *, ca: str, chain: str, key: str, host: str) -> None:
    """A TLS handshake in memory, the client verifying the server's name, with OpenSSL's strictest look at the chain."""
    (folder / "chain.pem").write_text(chain + key)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "chain.pem")
    client_side = ssl.create_default_context(cadata=ca)
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.getpeercert()


@pytest.mark.parametrize(
    "kind",
    [
        {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
        {"algorithm": "ECDSA", "ecdsaCurve": "P384"},
        {"algorithm": "RSA"},
        {"algorithm": "ED25519"},
    ],
    ids=lambda kind: "-".join(kind.values()),
)
def test_a_client_that_verifies_in_full_takes_the_server(kind: dict[str, str], tmp_path: Path) -> None:
    ca_key, key = _key(**kind), _key(**kind)
    ca = _authority(ca_key)
    made = _server(ca_key, ca, key)
    assert (ca["keyAlgorithm"], made["caKeyAlgorithm"]) == (kind["algorithm"], kind["algorithm"])
    _handshake(tmp_path, ca=ca["certPem"], chain=made["certPem"], key=key, host=ADDRESS)


def test_another_host_and_another_authority_are_refused(tmp_path: Path) -> None:
    ca_key, key = _key(), _key()
    ca = _authority(ca_key)
    made = _server(ca_key, ca, key)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        _handshake(tmp_path, ca=ca["certPem"], chain=made["certPem"], key=key, host="10.0.1.11")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, ca=_authority(_key())["certPem"], chain=made["certPem"], key=key, host=ADDRESS)


def test_what_a_certificate_says() -> None:
    ca_key = _key()
    ca = _authority(ca_key, maxPathLength=1)
    made = _server(ca_key, ca, _key())
    authority, server = (x509.load_pem_x509_certificate(one["certPem"].encode()) for one in (ca, made))
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 1)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(name.value) for name in names.value] == ["db", ADDRESS]
    signer = server.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert signer == authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert server.issuer == authority.subject
    with pytest.raises(x509.ExtensionNotFound):
        server.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert server.not_valid_after_utc - server.not_valid_before_utc == timedelta(hours=TEN_YEARS)


def test_the_id_is_the_serial_number() -> None:
    id, made = _made(certificates.SELF_SIGNED, privateKeyPem=_key(), allowedUses=[], validityPeriodHours=1)
    assert id == str(x509.load_pem_x509_certificate(made["certPem"].encode()).serial_number)


def _state(**changed: Any) -> Values:
    inputs = {"privateKeyPem": _key(), "subject": {"commonName": "ca"}, **AUTHORITY, "earlyRenewalHours": 24}
    return _made(certificates.SELF_SIGNED, **inputs)[1] | changed


def _difference(held: Values, **changed: Any) -> diff.Difference:
    rules = tls.RESOURCES[certificates.SELF_SIGNED]
    inputs = {name: held[name] for name in rules.inputs if held.get(name) is not None} | changed
    return diff.difference(rules, state=held, old_inputs=inputs, inputs=inputs)


def test_a_certificate_is_replaced_when_its_renewal_is_due() -> None:
    assert _difference(_state()).properties == ()
    soon = _state(validityEndTime=(datetime.now(UTC) + timedelta(hours=23)).isoformat())
    found = _difference(soon)
    assert (found.properties, found.replaces, found.delete_first) == (("readyForRenewal",), ("readyForRenewal",), False)
    assert tls.VERBS[certificates.SELF_SIGNED].read(CALL, "1", soon) == ("1", {"readyForRenewal": True})  # type: ignore[misc]
    later = _difference(soon, earlyRenewalHours=22)
    assert (later.properties, later.replaces) == (("earlyRenewalHours",), ())


def test_the_hours_of_the_renewal_change_in_place_and_leave_the_certificate() -> None:
    held = _state()
    assert _difference(held, earlyRenewalHours=48).replaces == ()
    update = tls.VERBS[certificates.SELF_SIGNED].update
    assert update is not None
    asked = state.asked(tls.RESOURCES[certificates.SELF_SIGNED], {**AUTHORITY, "earlyRenewalHours": TEN_YEARS})
    assert update(CALL, "1", held, asked) == {"readyForRenewal": True}


@pytest.mark.parametrize(("early", "ready"), [(24, False), (TEN_YEARS, True)])
def test_a_preview_knows_what_the_official_one_knows(early: int, ready: bool) -> None:
    rules = tls.RESOURCES[certificates.SELF_SIGNED]
    inputs = {"privateKeyPem": UNKNOWN, **AUTHORITY, "earlyRenewalHours": early}
    previewed = state.covered(rules, state.previewed(rules, inputs), inputs)
    assert previewed["readyForRenewal"] is ready
    assert previewed["privateKeyPem"] == Secret(UNKNOWN)
    unknown = {name for name, value in previewed.items() if value is UNKNOWN}
    assert unknown == {"certPem", "id", "keyAlgorithm", "maxPathLength", "validityEndTime", "validityStartTime"}


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"allowedUses": ["sign_everything"]}, "allowedUses: should be of any_extended, "),
        ({"earlyRenewalHours": -1}, "earlyRenewalHours: should be at least 0 (got -1)"),
    ],
)
def test_names_what_is_wrong(changed: Values, text: str) -> None:
    inputs = {"privateKeyPem": "x", **AUTHORITY, **changed}
    assert check.failures(tls.RESOURCES[certificates.SELF_SIGNED], inputs)[""].startswith(text)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"privateKeyPem": "a key"}, "privateKeyPem: should be a private key in PEM form$"),
        ({"subject": {}}, "subject: should name at least one part"),
        ({"ipAddresses": ["10.0.1.300"]}, "ipAddresses: should be IP addresses"),
        ({"isCaCertificate": False, "maxPathLength": 1}, "maxPathLength: is for a certificate authority alone"),
    ],
)
def test_refuses_what_cannot_be_signed(changed: Values, text: str) -> None:
    with pytest.raises(Refused, match=text):
        _made(
            certificates.SELF_SIGNED,
            **{"privateKeyPem": _key(), "subject": {"commonName": "ca"}, **AUTHORITY, **changed},
        )


def test_refuses_a_key_that_is_not_the_authoritys() -> None:
    with pytest.raises(Refused, match="caPrivateKeyPem: should be the key of caCertPem"):
        _server(_key(), _authority(_key()), _key())


def test_the_engine_hears_of_the_private_key_as_a_secret_only() -> None:
    from rehearsal.plugins import answers

    inputs = {"privateKeyPem": _key(), "subject": {"commonName": "ca"}, **AUTHORITY}
    id, made = _made(certificates.SELF_SIGNED, **inputs)
    told = decode(answers.kept(tls.RESOURCES[certificates.SELF_SIGNED], id, made, inputs))
    assert [name for name, value in told.items() if isinstance(value, Secret)] == ["privateKeyPem"]
    assert told["id"] == id
