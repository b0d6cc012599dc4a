"""What a site says it runs: GET /_slipway/release, by a server's own address or by name over HTTPS."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from dataclasses import dataclass

__all__ = ["Running", "Silent", "ask_by_address", "ask_by_name", "ask_securely", "greet", "trusted_certificates"]

PATH = "/_slipway/release"
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


class Silent(Exception):
    """The site did not say what it runs; the text says what came instead."""


@dataclass(frozen=True)
class Running:
    """The site's own word about what it runs."""

    artifact: str
    release: str
    environment: str


def ask_by_address(host: str, *, name: str, timeout: float = 5.0) -> Running:
    """Dial one server's own address (or address:port) on port 80 with the site's name."""
    address = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return _ask(http.client.HTTPConnection(address, timeout=timeout), name=name)


def ask_by_name(name: str, *, timeout: float = 5.0) -> Running:
    """Ask https://name with ordinary certificate verification."""
    context = ssl.create_default_context(cafile=trusted_certificates())
    return _ask(http.client.HTTPSConnection(name, timeout=timeout, context=context), name=name)


def ask_securely(host: str, *, name: str, timeout: float = 5.0) -> Running:
    """Dial one server's own address on port 443, with the site's name sent and its certificate verified."""
    context = ssl.create_default_context(cafile=trusted_certificates())
    return _ask(_ToServer(host, name=name, timeout=timeout, context=context), name=name)


class _ToServer(http.client.HTTPSConnection):
    """TLS to an address, with another name than the address expected there."""

    def __init__(self, host: str, *, name: str, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=timeout, context=context)
        self._tls, self._name = context, name

    def connect(self) -> None:
        """Connect and shake hands."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise


def greet(host: str, *, name: str, timeout: float = 5.0) -> None:
    """Shake hands with one server's own address as this name; Silent without a certificate for it."""
    connection = _ToServer(
        host, name=name, timeout=timeout, context=ssl.create_default_context(cafile=trusted_certificates())
    )
    try:
        connection.connect()
    except OSError as error:
        raise Silent(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def trusted_certificates() -> str | None:
    """The computer's own bundle of trusted certificates, None when it keeps none as a file."""
    wished = os.environ.get("SSL_CERT_FILE")
    return next((path for path in (wished, *BUNDLES) if path and os.path.isfile(path)), None)


def _ask(connection: http.client.HTTPConnection, *, name: str) -> Running:
    try:
        connection.request("GET", PATH, headers={"Host": name, "User-Agent": "slipway", "Connection": "close"})
        answer = connection.getresponse()
        return _read(answer.status, answer.read(65536))
    except (OSError, http.client.HTTPException) as error:
        raise Silent(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _read(status: int, body: bytes) -> Running:
    if status != 200:
        raise Silent(f"answered {status}")
    try:
        said = json.loads(body)
        return Running(artifact=said["artifact"], release=said["release"], environment=said["environment"])
    except (ValueError, KeyError, TypeError):
        raise Silent("answered 200, but not as a release of slipway does") from None
