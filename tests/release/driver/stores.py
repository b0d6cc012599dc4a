"""Certificate stores as Caddy keeps them, made up."""

from __future__ import annotations

import io
import tarfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CA = "acme-v02.api.letsencrypt.org-directory"
HOSTS = ("staging.example.org", "www.staging.example.org")


def store(*hosts: str, days: float = 60, keys_of: Sequence[str] = ()) -> dict[str, bytes]:
    """An account and a certificate for each host; `keys_of` names hosts whose key is another one."""
    files = account()
    for host in hosts or HOSTS:
        certificate, key = _pair(host, days)
        place = f"certificates/{CA}/{host}/{host}"
        files |= {f"{place}.crt": certificate, f"{place}.json": b"{}"}
        files[f"{place}.key"] = _pair("another", days)[1] if host in keys_of else key
    return files


def account() -> dict[str, bytes]:
    place = f"acme/{CA}/users/default/default"
    return {f"{place}.json": b'{"status": "valid"}', f"{place}.key": _pair("account", 1)[1]}


def tar(files: Mapping[str, bytes], *, odd: Sequence[tarfile.TarInfo] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in odd:
            archive.addfile(member)
    return buffer.getvalue()


def text(files: Mapping[str, bytes]) -> str:
    return b64encode(tar(files)).decode()


@cache
def _pair(host: str, days: float) -> tuple[bytes, bytes]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=90)).not_valid_after(now + timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), key.private_bytes(*plain)
