"""The prober against sites on loopback that fail in every way it must be able to see."""

from __future__ import annotations

import itertools
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.prober import Plan, Prober, Refused, allowed_address
from rehearsal.trust import context

pytestmark = pytest.mark.whole

Behaviour = Callable[["Page"], None]


class Page(BaseHTTPRequestHandler):
    """One request of a site whose behaviour a test sets."""

    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        type(self).behaviour(self)

    def answer(self, status: int = 200, body: bytes = b"hello", *, kind: str = "text/html", length: int = -1) -> None:
        size = length if length >= 0 else len(body)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Site(ThreadingHTTPServer):
    """A site that says nothing about visitors who hang up."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    handler = type("Handler", (Page,), {"behaviour": staticmethod(behaviour)})
    with Site(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def probe(url: str, *, tls: ssl.SSLContext | None = None, **plan: Any) -> dict[str, Any]:
    settings = {"rate": 200.0, "seconds": 0.2, "timeout": 1.0, **plan}
    return Prober(Plan(url=url, **settings), tls or ssl.create_default_context()).run()


def every(nth: int, planted: Behaviour) -> Behaviour:
    """A site that is well but for every nth request."""
    numbers = itertools.count(1)
    return lambda page: planted(page) if next(numbers) % nth == 0 else page.answer()


def test_a_site_that_is_well() -> None:
    with site(Page.answer) as url:
        found = probe(url, keepalive=0.5)
    assert (found["sent"], found["ok"], found["failed"]) == (40, 40, 0)
    assert found["statuses"] == {"200": 40}
    assert found["kept"] >= 10, "half of the requests ask for a kept connection"
    assert found["fresh"] >= 20
    assert 0 < found["milliseconds"]["p50"] <= found["milliseconds"]["p99"] <= found["milliseconds"]["max"]


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (lambda page: page.answer(502), "5xx"),
        (lambda page: page.answer(404), "4xx"),
        (Page.reset, "reset"),
        (lambda page: [page.answer(length=500), page.reset()], "reset"),
        (lambda page: page.answer(body=b"something else"), "unexpected"),
        (lambda page: time.sleep(0.8), "timeout"),
    ],
    ids=["502", "404", "reset", "reset in the body", "wrong page", "stall"],
)
def test_a_planted_failure_is_counted(planted: Behaviour, kind: str) -> None:
    with site(every(10, planted)) as url:
        found = probe(url, timeout=0.3, expect=b"hello")
    assert (found["failed"], found["failures"]) == (4, {kind: 4})
    assert [failure["kind"] for failure in found["first_failures"]] == [kind] * 4


def test_a_body_that_ends_early_is_a_failure() -> None:
    def cut(page: Page) -> None:
        page.answer(length=500)
        page.close_connection = True

    with site(every(10, cut)) as url:
        assert probe(url)["failures"] == {"truncated": 4}


def test_nobody_listening_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = probe(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert found["failures"] == {"refused": 40}


def test_a_kept_connection_closed_in_good_time_is_no_failure() -> None:
    def once(page: Page) -> None:
        page.answer()
        page.close_connection = True  # without saying so

    with site(once) as url:
        found = probe(url, rate=20.0, seconds=0.5, keepalive=1.0)
    assert (found["failed"], found["kept"]) == (0, 0)


def test_a_stalled_site_slows_nothing_down() -> None:
    """Nobody is answered before several wait at once: a prober that waited for each answer would time out on all."""
    together = threading.Barrier(4)

    def stalled(page: Page) -> None:
        together.wait(timeout=20)
        page.answer()

    with site(stalled) as url:
        found = probe(url, timeout=20)
    assert (found["sent"], found["ok"]) == (40, 40)


def test_an_answer_that_never_comes_is_a_timeout() -> None:
    with site(lambda page: time.sleep(0.5)) as url:
        found = probe(url, timeout=0.2)
    assert (found["sent"], found["failures"]) == (40, {"timeout": 40})


def test_a_slow_answer_counts_from_when_it_was_due() -> None:
    def slow(page: Page) -> None:
        time.sleep(0.2)
        page.answer()

    with site(every(10, slow)) as url:
        found = probe(url)
    assert found["failed"] == 0
    assert found["milliseconds"]["max"] >= 200


def test_the_releases_that_answered() -> None:
    numbers = itertools.count()

    def behaviour(page: Page) -> None:
        if page.path != "/_slipway/release":
            return page.answer()
        release = {"release": "old" if next(numbers) < 2 else "new"}
        page.answer(body=json.dumps(release).encode(), kind="application/json")

    with site(behaviour) as url:
        found = probe(url, release_path="/_slipway/release")
    assert [(row["release"], row["answers"]) for row in found["releases"]] == [("old", 2), ("new", 2)]
    assert found["releases"][0]["last"] < found["releases"][1]["first"]


def test_it_stops_when_told() -> None:
    with site(Page.answer) as url:
        prober = Prober(Plan(url=url, seconds=60.0), ssl.create_default_context())
        threading.Timer(0.3, prober.stop.set).start()
        assert 5 <= prober.run()["sent"] <= 30


def test_certificates_are_verified(tmp_path: Path) -> None:
    server, authority = certificate(tmp_path)
    with site(Page.answer, tls=server) as url:
        trusted = probe(url, tls=context([authority]), count=10)
        strangers = probe(url, count=10)
    assert trusted["ok"] == 10
    assert strangers["failures"] == {"certificate": 10}


def test_a_reset_inside_tls_is_counted(tmp_path: Path) -> None:
    server, authority = certificate(tmp_path)
    with site(every(5, Page.reset), tls=server) as url:
        assert probe(url, tls=context([authority]))["failures"] == {"reset": 8}


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "198.51.101.1"])
def test_other_peoples_addresses_are_refused(host: str) -> None:
    rule = rf"^prober: {host}: should be in 198.51.100.0/24 or loopback \(got {host}\), it is a load test$"
    with pytest.raises(Refused, match=rule):
        allowed_address(host, 443)


def test_the_rehearsals_addresses_are_allowed() -> None:
    assert allowed_address("198.51.100.17", 443) == "198.51.100.17"


@pytest.mark.parametrize("name", ["rate", "seconds", "timeout", "count"])
@pytest.mark.parametrize("value", [0, -1, 1_000_000])
def test_a_load_without_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Refused, match=rf"^prober: {name} should be above 0 and at most"):
        Plan(url="http://localhost/", **{name: value})


def test_sigterm_ends_the_command_with_its_result(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with site(every(7, Page.reset)) as url:
        command = [sys.executable, "-m", "rehearsal.prober", url, "--seconds", "60", "--out", str(report)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(1.2)
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=15)
    found = json.loads(report.read_text())
    assert json.loads(printed) == found
    assert process.returncode == 1, "something failed, and it says so"
    assert found["failures"]["reset"] >= 1


def certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for localhost, and the PEM file of the authority that vouches for it: itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, own = made.public_bytes(serialization.Encoding.PEM), directory / "own.pem"
    plain = serialization.NoEncryption()
    own.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + pem)
    (directory / "authority.pem").write_bytes(pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(own)
    return server, directory / "authority.pem"
