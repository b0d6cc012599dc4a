"""The rehearsal's certificate authorities: one that everything in it trusts, one that signs for the databases."""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal import paths
from rehearsal.system import host

_ROOT_DAYS, _LEAF_DAYS = 3650, 365
_BACKDATED = timedelta(hours=1)  # as authorities do, for clocks that are behind


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A root certificate and its key, made when they are first needed."""

    title: str
    certificate_file: Path

    @property
    def key_file(self) -> Path:
        """Where the private key is."""
        return self.certificate_file.with_suffix(".key")

    def certificate(self) -> str:
        """The root certificate as PEM."""
        self._ensure()
        return self.certificate_file.read_text()

    def issue(self, names: Sequence[str], *, begins: timedelta = -_BACKDATED) -> tuple[str, str]:
        """A server certificate for names and addresses, and its key, as PEM; it is valid from now and `begins` on."""
        self._ensure()
        root = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        signer = serialization.load_pem_private_key(self.key_file.read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(names[0][:64])
        builder = _builder(subject, issuer=root.subject, days=_LEAF_DAYS, begins=begins).public_key(key.public_key())
        for extension, critical in _leaf_extensions(names, key, signer):
            builder = builder.add_extension(extension, critical)
        return _pem(builder.sign(signer, hashes.SHA256())), _key_pem(key)

    def _ensure(self) -> None:
        self.certificate_file.parent.mkdir(parents=True, exist_ok=True)
        with (self.certificate_file.parent / ".authority.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.certificate_file.exists():
                self._make()

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"{self.title} {paths.IDENTITY}")
        builder = _builder(name, issuer=name, days=_ROOT_DAYS).public_key(key.public_key())
        for extension, critical in _root_extensions(key):
            builder = builder.add_extension(extension, critical)
        write_private(self.key_file, _key_pem(key))
        self.certificate_file.write_text(_pem(builder.sign(key, hashes.SHA256())))


def rehearsal() -> Authority:
    """The authority that machines and `inside` trust."""
    return Authority(title="slipway rehearsal", certificate_file=paths.CA)


def databases() -> Authority:
    """The authority of the managed databases: in nobody's trust store, only in the API's answer."""
    return Authority(title="slipway rehearsal databases", certificate_file=paths.STATE / "databases-ca.pem")


def issue(names: Sequence[str], *, begins: timedelta = -_BACKDATED) -> tuple[str, str]:
    """A server certificate that everything in the rehearsal trusts, and its key."""
    return rehearsal().issue(names, begins=begins)


def write_bundle() -> None:
    """Put together what `inside` trusts; written in place, because running commands have this very file mounted."""
    roots = paths.PEBBLE_ROOTS.read_text() if paths.PEBBLE_ROOTS.exists() else ""
    content = "\n".join([host.CA_CERTIFICATES.read_text(), rehearsal().certificate(), roots])
    if not paths.CA_BUNDLE.exists() or paths.CA_BUNDLE.read_text() != content:
        paths.CA_BUNDLE.write_text(content)


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner reads, from its first byte on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(content)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, *, issuer: x509.Name, days: int, begins: timedelta = -_BACKDATED
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        serial_number=x509.random_serial_number(),
        not_valid_before=now + begins,
        not_valid_after=now + timedelta(days=days),
    )


def _leaf_extensions(
    names: Sequence[str], key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signature=True, signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]


def _root_extensions(key: ec.EllipticCurvePrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signature=False, signs_certificates=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]


def _usage(*, signature: bool, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signature,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, kind, serialization.NoEncryption()).decode()
