"""What the web finds under a site's names: where they lead, and whose certificate answers."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from release.cli.clouds.cloud import Row
from release.live import trusted_certificates

__all__ = ["look_at_names"]

SECONDS = 5.0
SOON = 14  # days; Caddy renews a third of a certificate's life before its end


def look_at_names(outputs: Mapping[str, Any], *, stack: str) -> list[Row]:
    """One row for each name's certificate, and for each name that is kept outside the cloud, where it leads."""
    hosts = list(outputs.get("hosts") or [])
    managed = (outputs.get("cloud") or {}).get("records") or {}
    port = urlsplit(outputs["url"]).port or 443
    with ThreadPoolExecutor(max_workers=8) as threads:
        names = threads.map(
            lambda host: _name(host, outputs["address"]), [host for host in hosts if host not in managed]
        )
        certificates = threads.map(lambda host: _certificate(host, port, stack), hosts)
        return [*names, *certificates]


def _name(host: str, address: str) -> Row:
    try:
        leads = sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError:
        leads = ["nobody"]
    return Row(f"address of {host}", address, ", ".join(leads), f"set {host}. A {address}")


def _certificate(host: str, port: int, stack: str) -> Row:
    remedy = (
        f"see that {host} leads here, then have it asked for again: pulumi up -s {stack} --replace '**:Command::arrive'"
    )
    try:
        found = _shown(host, port)
    except ssl.SSLCertVerificationError as error:
        return Row(f"certificate {host}", "valid", error.verify_message.rstrip("."), remedy)
    except OSError as error:
        return Row(f"certificate {host}", "valid", f"none ({error.strerror or error})", remedy)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
    days = (until - datetime.now(UTC)).days
    left = f"until {until:%d %b %Y}, {days} days, by {_issuer(found)}"
    late = f"valid for {days} days only" if days < SOON and _long(found) else "valid"
    return Row(f"certificate {host}", "valid", late, remedy, note=left)


def _shown(host: str, port: int) -> Mapping[str, Any]:
    context = ssl.create_default_context(cafile=trusted_certificates())
    plain = socket.create_connection((host, port), timeout=SECONDS)
    with context.wrap_socket(plain, server_hostname=host) as secured:  # closes both
        return secured.getpeercert() or {}


def _long(found: Mapping[str, Any]) -> bool:
    """Whether the certificate was made to live for months; short-lived ones are always about to end."""
    born, end = (ssl.cert_time_to_seconds(str(found[key])) for key in ("notBefore", "notAfter"))
    return end - born > 60 * 86400


def _issuer(found: Mapping[str, Any]) -> str:
    parts: Sequence[Any] = found.get("issuer") or ()
    names: Iterator[str] = (
        value for part in parts for kind, value in part if kind in ("commonName", "organizationName")
    )
    return ", ".join(sorted(set(names)))
