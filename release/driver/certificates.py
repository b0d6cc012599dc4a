"""A certificate store as Caddy keeps it: taken apart, looked through, put together, sealed."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

__all__ = ["Damaged", "fit", "packed", "sealed", "unpacked", "unsealed"]

Files = Mapping[str, bytes]

_NAME = r"[A-Za-z0-9][A-Za-z0-9@._+-]*"
_CERTIFICATE = re.compile(rf"certificates/{_NAME}/(?P<host>{_NAME})/(?P=host)\.(crt|key|json)")
_ACCOUNT = re.compile(rf"acme/{_NAME}/users/{_NAME}/{_NAME}\.(key|json)")
_FILE, _FILES, _WHOLE = 64 << 10, 500, 4 << 20
_LEFT = timedelta(hours=1)  # what runs out sooner is not worth carrying
_SEAL = b"slipway certificates 1"
_NONCE = 12


class Damaged(Exception):
    """What should be a certificate store is none; the text says why."""


def unpacked(content: bytes) -> dict[str, bytes]:
    """The certificates and accounts of a tar; anything else in it is left out, what is out of bounds is refused."""
    if len(content) > _WHOLE:
        raise Damaged(f"should be at most {_WHOLE} bytes (got {len(content)})")
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            return dict(_files(archive))
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise Damaged(str(error) or type(error).__name__) from None


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for count, member in enumerate(archive):
        if count >= _FILES or member.size > _FILE:
            raise Damaged(f"should hold at most {_FILES} files of {_FILE} bytes (got {member.name!r})")
        name = member.name.removeprefix("./")
        content = archive.extractfile(member) if member.isreg() else None
        if content and (_CERTIFICATE.fullmatch(name) or _ACCOUNT.fullmatch(name)):
            yield name, content.read()


def packed(files: Files) -> bytes:
    """The same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o600
            archive.addfile(member, io.BytesIO(files[name]))
    return buffer.getvalue()


def fit(files: Files, *, hosts: Collection[str], now: datetime | None = None) -> tuple[dict[str, bytes], set[str]]:
    """What of a store is good for these hosts: accounts, valid certificates with keys; and the hosts these name."""
    now = now or datetime.now(UTC)
    kept: dict[str, bytes] = {}
    named: set[str] = set()
    for place, parts in _by_directory(files).items():
        if place.parts[0] == "acme":
            kept |= parts if _is_account(parts) else {}
        elif names := _names(place, parts, now=now) & set(hosts):
            kept |= parts
            named |= names
    return kept, named


def _by_directory(files: Files) -> dict[PurePosixPath, dict[str, bytes]]:
    found: dict[PurePosixPath, dict[str, bytes]] = {}
    for name, content in files.items():
        found.setdefault(PurePosixPath(name).parent, {})[name] = content
    return found


def _is_account(parts: Files) -> bool:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    keys = [content for name, content in parts.items() if name.endswith(".key")]
    try:
        return len(parts) == 2 and len(keys) == 1 and bool(load_pem_private_key(keys[0], password=None))
    except (ValueError, TypeError):
        return False


def _names(place: PurePosixPath, parts: Files, *, now: datetime) -> set[str]:
    """The names of a certificate that holds now and fits its key; none of one that does not."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = {kind: parts.get(f"{place}/{place.name}.{kind}") for kind in ("crt", "key", "json")}
    if not (pem["crt"] and pem["key"] and pem["json"]):
        return set()
    try:
        certificate = x509.load_pem_x509_certificate(pem["crt"])
        fits = certificate.public_key() == load_pem_private_key(pem["key"], password=None).public_key()
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return set()
    holds = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _LEFT
    return set(alternative.get_values_for_type(x509.DNSName)) if fits and holds else set()


def sealed(content: bytes, *, secret: str) -> bytes:
    """Encrypted, for a place that others may come to read."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key(secret)).encrypt(nonce, content, _SEAL)


def unsealed(content: bytes, *, secret: str) -> bytes:
    """What was sealed with this secret."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(_key(secret)).decrypt(content[:_NONCE], content[_NONCE:], _SEAL)
    except (InvalidTag, ValueError):
        raise Damaged("was not sealed with this stack's certificate-key, or has been changed") from None


def _key(secret: str) -> bytes:
    return hashlib.sha256(_SEAL + secret.encode()).digest()
