"""Certificates that OpenSSL accepts."""

from __future__ import annotations

import ssl
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from rehearsal.system.ca import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(title="test", certificate_file=tmp_path / "ca.pem")


def test_the_root_is_made_once_and_its_key_is_private(authority: Authority) -> None:
    first = authority.certificate()
    assert authority.certificate() == first
    assert stat.S_IMODE(authority.key_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a.example.org", "198.51.100.2", "bucket.fra1.digitaloceanspaces.com"])
def test_a_client_that_trusts_the_root_accepts_every_name(authority: Authority, tmp_path: Path, name: str) -> None:
    certificate, key = authority.issue(["a.example.org", "198.51.100.2", "*.fra1.digitaloceanspaces.com"])
    (tmp_path / "both.pem").write_text(certificate + key)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "both.pem")
    assert _handshake(served, ssl.create_default_context(cadata=authority.certificate()), name)


def test_another_name_is_refused(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue(["a.example.org"])
    (tmp_path / "both.pem").write_text(certificate + key)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "both.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(served, ssl.create_default_context(cadata=authority.certificate()), "b.example.org")


def test_a_certificate_of_a_clock_that_is_ahead_is_not_valid_yet(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_text("".join(authority.issue(["a.example.org"], begins=timedelta(hours=1))))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "both.pem")
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        _handshake(served, ssl.create_default_context(cadata=authority.certificate()), "a.example.org")


def _handshake(served: ssl.SSLContext, trusting: ssl.SSLContext, name: str) -> bool:
    """A handshake in memory: no sockets, no threads."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = served.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in {client, server} - done:
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    return done == {client, server}


def test_two_at_once_get_the_same_root(authority: Authority) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(authority.certificate())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
