"""An open-loop prober: so many requests a second by its own clock, whatever the site does, and every failure counted.

`python -m rehearsal.prober https://staging.example.org/ --rate 50 --seconds 60 --out result.json`
Exit status: 0 nothing failed, 1 something failed, 2 refused to start.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import ssl
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from ipaddress import ip_address, ip_network
from pathlib import Path
from select import select
from typing import Any
from urllib.parse import urlsplit

from rehearsal.samples import Outcome, Sample, listed, summed
from rehearsal.traffic import Mixed, Request, Same, Traffic
from rehearsal.trust import authorities, context

ALLOWED = tuple(map(ip_network, ("198.51.100.0/24", "127.0.0.0/8", "::1/128")))
FASTEST, LONGEST, MOST = 500.0, 3600.0, 500_000
_HEADER = "X-Slipway-Release"


class Refused(Exception):
    """A target or a load this prober is not for."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to send, how fast and how long."""

    url: str
    rate: float = 50.0
    seconds: float = 60.0
    count: int = MOST
    timeout: float = 5.0
    keepalive: float = 0.3  # the share of requests on connections that are kept
    release_path: str | None = None  # asked by every tenth request, to see which release answers
    expect: bytes = b""
    traffic: Path | None = None  # a file that says what is sent instead of the one page
    address: str = ""  # of a site of one's own that is not the rehearsal's

    def __post_init__(self) -> None:
        for name, most in (("rate", FASTEST), ("seconds", LONGEST), ("count", MOST), ("timeout", 60.0)):
            value = getattr(self, name)
            if not 0 < value <= most:
                raise Refused(f"prober: {name} should be above 0 and at most {most:g} (got {value:g})")


@dataclass
class Prober:
    """Sends what its plan says to one address, from a schedule that no answer can delay."""

    plan: Plan
    tls: ssl.SSLContext
    stop: threading.Event = field(default_factory=threading.Event)
    samples: list[Sample] = field(default_factory=list)
    latest: float = 0.0  # how late, at worst, a request was sent: the prober's own fault
    _idle: deque[HTTPConnection] = field(default_factory=deque)

    def __post_init__(self) -> None:
        parts = urlsplit(self.plan.url)
        self._secure, self._host = parts.scheme == "https", parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._traffic = self._sent((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        self.address = allowed_address(self._host, self._port, own=self.plan.address)

    def run(self) -> dict[str, Any]:
        """Send until time, count or `stop` ends it; wait for the answers under way; the result."""
        total = min(self.plan.count, int(self.plan.rate * self.plan.seconds))
        # Enough threads that every request of a server that answers nothing can wait its whole timeout.
        threads = min(total, int(self.plan.rate * self.plan.timeout * 2) + 16, 1024)
        self._began, self.began = time.monotonic(), time.time()
        with ThreadPoolExecutor(threads, thread_name_prefix="probe") as pool:
            for number in range(total):
                due = number / self.plan.rate
                if self.stop.wait(max(0.0, self._began + due - time.monotonic())):
                    break
                pool.submit(self._probe, number, due)
        while self._idle:
            self._idle.pop().close()
        target = {"target": self.plan.url, "address": self.address, "rate": self.plan.rate}
        return {**target, **summed(self.samples), "sent_late_at_worst": round(self.latest * 1000, 1)}

    def _probe(self, number: int, due: float) -> None:
        self.latest = max(self.latest, time.monotonic() - self._began - due)
        keep = number * self.plan.keepalive % 1 + self.plan.keepalive >= 1
        request = self._traffic.request(number)
        kept = self._kept() if keep else None
        connection = kept or self._connection()
        outcome = self._outcome(connection, request, keep=keep)
        seconds = time.monotonic() - self._began - due
        if outcome.failure is None and seconds > self.plan.timeout:
            outcome = replace(outcome, failure="timeout", detail=f"answered {outcome.status} after {seconds:.1f} s")
        if outcome.reusable and outcome.failure is None:
            self._idle.append(connection)
        else:
            connection.close()
        self.samples.append(Sample(due, seconds, outcome, kept=kept is not None, kind=request.kind))

    def _sent(self, path: str) -> Traffic:
        if self.plan.traffic is None:
            return Same(path, self.plan.release_path, self.plan.expect)
        try:
            return Mixed.read(self.plan.traffic)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Refused(f"prober: traffic should be a file of kinds of requests ({error})") from error

    def _outcome(self, connection: HTTPConnection, request: Request, *, keep: bool) -> Outcome:
        headers = {"Host": self._authority(), "User-Agent": "slipway-prober", "Accept-Encoding": "identity"}
        if request.body is not None:
            headers["Content-Type"] = "application/octet-stream"
        try:
            headers = headers if keep else {**headers, "Connection": "close"}
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            return Outcome(_kind(error), detail=f"{type(error).__name__}: {error}")
        failure = f"{answer.status // 100}xx" if answer.status >= 400 else None
        if failure is None and request.expect not in body:
            failure = "unexpected"
        return Outcome(failure, answer.status, _release(answer, body), reusable=keep and not answer.will_close)

    def _kept(self) -> HTTPConnection | None:
        """A connection that was kept and is still open: one the server closed in good time is no failure."""
        while self._idle:
            connection = self._idle.popleft()
            if connection.sock is not None and not select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()
        return None

    def _connection(self) -> HTTPConnection:
        if self._secure:
            return _ToAddress(self.address, self._host, self._port, self.tls, self.plan.timeout)
        return HTTPConnection(self.address, self._port, timeout=self.plan.timeout)

    def _authority(self) -> str:
        return self._host if self._port == (443 if self._secure else 80) else f"{self._host}:{self._port}"


class _ToAddress(HTTPSConnection):
    """TLS to an address that was looked up once, with the site's name checked as ever."""

    def __init__(self, address: str, name: str, port: int, tls: ssl.SSLContext, timeout: float) -> None:
        super().__init__(address, port, timeout=timeout, context=tls)
        self._name, self._tls = name, tls

    def connect(self) -> None:
        """Connect and shake hands, with the name sent and verified."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise


def allowed_address(host: str, port: int, *, own: str = "") -> str:
    """The address of `host`: the rehearsal's, this computer's or the one named as ours; no other is put under load."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise Refused(f"prober: {host}: should have an address ({error}), run it inside the rehearsal") from error
    for address in sorted(map(str, found)):
        if address != own and not any(ip_address(address) in network for network in ALLOWED):
            raise Refused(
                f"prober: {host}: should be in 198.51.100.0/24 or loopback (got {address}), it is a load test"
            )
    return sorted(map(str, found))[0]


def _kind(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, IncompleteRead):
        return "truncated"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate"
    # An end of file before the answer is how a reset looks through TLS or after a half-close.
    return "reset" if isinstance(error, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)) else "other"


def _release(answer: HTTPResponse, body: bytes) -> str | None:
    if named := answer.getheader(_HEADER):
        return named
    if answer.getheader("Content-Type", "").startswith("application/json"):
        try:
            found = json.loads(body)
        except ValueError:
            return None
        return str(found["release"]) if isinstance(found, dict) and "release" in found else None
    return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rehearsal.prober", description="Probe a site of the rehearsal, open loop.")
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default 50)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="stop after so long (default 60); SIGTERM stops too"
    )
    parser.add_argument("--count", type=int, default=MOST, help="stop after so many requests")
    parser.add_argument("--timeout", type=float, default=5.0)
    parser.add_argument("--keepalive", type=float, default=0.3, help="share of requests on kept connections")
    parser.add_argument("--release-path", help="asked by every tenth request: /_slipway/release")
    parser.add_argument("--expect", default="", help="text every page must contain")
    parser.add_argument("--traffic", type=Path, help="a JSON file of kinds of requests, sent instead of the one page")
    parser.add_argument("--samples", type=Path, help="write every single request there")
    parser.add_argument("--ca", type=Path, action="append", help="a PEM file to trust (default: the rehearsal's)")
    parser.add_argument("--out", type=Path, help="write the result there as well")
    return parser.parse_args()


def main() -> int:
    """The command line."""
    given = vars(_arguments())
    out, ca, samples = given.pop("out"), given.pop("ca"), given.pop("samples")
    try:
        plan = Plan(**{**given, "expect": given["expect"].encode()})
        prober = Prober(plan, context(ca if ca is not None else authorities()))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: prober.stop.set())
    found = prober.run()
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(found, indent=1) + "\n")
    if samples:
        samples.write_text(json.dumps(listed(prober.samples, began=prober.began)))
    print(json.dumps(found, indent=1))
    return 1 if found["failed"] or not found["sent"] else 0


if __name__ == "__main__":
    sys.exit(main())
