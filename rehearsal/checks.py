"""What a site must show to plain HTTP clients: page, certificate, redirects, static files."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from rehearsal.trust import context

_LIMIT = 15.0
_HASHED = re.compile(r"\.[0-9a-f]{8,}\.")
_YEAR = 31536000
# Smaller files are not worth compressing.
_WORTH_COMPRESSING = 1024


@dataclass(frozen=True)
class Check:
    """One thing looked at: its name, whether it is as it should be, and what was seen."""

    name: str
    ok: bool
    seen: str


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, never followed anywhere."""

    status: int
    headers: dict[str, str]
    body: bytes
    certificate: dict[str, Any]


def check_site(url: str, *, hosts: Iterable[str] = (), authorities: Iterable[Path] = ()) -> list[Check]:
    """Look at everything; what cannot be reached is a failed check, never an exception."""
    tls = context(authorities)
    others = [host for host in hosts if host != urlsplit(url).hostname]
    looks: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("home page", partial(_home, url, tls)),
        ("http", partial(_redirect, url, f"http://{urlsplit(url).netloc}", tls)),
        *((host, partial(_redirect, url, f"https://{host}", tls)) for host in others),
        *((f"http, {host}", partial(_redirect, url, f"http://{host}", tls)) for host in others),
        ("admin's static files", partial(_static, url, tls)),
    ]
    checks: list[Check] = []
    for name, look in looks:
        try:
            checks.extend(look())
        except (OSError, ValueError, LookupError) as error:
            checks.append(Check(name, False, f"{type(error).__name__}: {error}"))
    return checks


def get(url: str, *, tls: ssl.SSLContext, accept: str = "identity") -> Answer:
    """One GET over verified TLS or plain HTTP."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: HTTPConnection = HTTPConnection(host, parts.port, timeout=_LIMIT)
    if parts.scheme == "https":
        connection = HTTPSConnection(host, parts.port, timeout=_LIMIT, context=tls)
    try:
        connection.connect()
        certificate = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
        connection.request("GET", f"{parts.path or '/'}{parts.query and '?' + parts.query}", headers=_headers(accept))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read(), dict(certificate or {}))
    finally:
        connection.close()


def _headers(accept: str) -> dict[str, str]:
    return {"Accept-Encoding": accept, "User-Agent": "slipway-rehearsal"}


def _home(url: str, tls: ssl.SSLContext) -> list[Check]:
    answer = get(url, tls=tls)
    page = Check("home page", answer.status == 200, f"{answer.status}, {len(answer.body)} bytes")
    if not answer.certificate:
        return [page, Check("certificate", False, "no https")]
    issuer, subject = (_name(answer.certificate[side]) for side in ("issuer", "subject"))
    names = ", ".join(value for _, value in answer.certificate.get("subjectAltName", ()))
    until = answer.certificate["notAfter"]
    return [page, Check("certificate", issuer != subject, f"for {names} by {issuer or '?'}, until {until}")]


def _name(pairs: Iterable[Iterable[tuple[str, str]]]) -> str:
    return next((value for pair in pairs for kind, value in pair if kind == "commonName"), "")


def _redirect(canonical: str, start: str, tls: ssl.SSLContext) -> list[Check]:
    """Path and query survive, and the way ends at the canonical name within three steps."""
    path = "/admin/?from=rehearsal"
    wanted = urljoin(canonical, path)
    place, steps = start + path, list[str]()
    while place != wanted and len(steps) < 3:
        answer = get(place, tls=tls)
        steps.append(str(answer.status))
        if answer.status not in (301, 302, 307, 308):
            break
        place = urljoin(place, answer.headers["location"])
    permanent = bool(steps) and set(steps) <= {"301", "308"}
    return [Check(f"{start}/ redirects", place == wanted and permanent, f"{' '.join(steps)} to {place}")]


class _Assets(HTMLParser):
    """Addresses of the stylesheets and scripts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the page loads."""
        values = dict(attrs)
        if tag == "link" and values.get("rel") == "stylesheet":
            self.found.append(values.get("href") or "")
        elif tag == "script" and values.get("src"):
            self.found.append(values["src"] or "")


def _static(url: str, tls: ssl.SSLContext) -> Iterator[Check]:
    page = get(urljoin(url, "/admin/login/"), tls=tls)
    assets = _Assets()
    assets.feed(page.body.decode())
    own = [asset for asset in map(lambda path: urljoin(url, path), assets.found) if asset.startswith(url.rstrip("/"))]
    own = [asset for asset in own if urlsplit(asset).path.endswith((".css", ".js"))]
    yield Check("admin's login page", page.status == 200, f"{page.status}, {len(own)} static files of its own")
    if not any(asset.endswith(".css") for asset in own):
        yield Check("admin's static files", False, "no stylesheet in the page")
    for asset in own:
        yield _asset(asset, get(asset, tls=tls, accept="zstd, br, gzip"))


def _asset(url: str, answer: Answer) -> Check:
    path, caching = urlsplit(url).path, answer.headers.get("cache-control", "")
    encoding = answer.headers.get("content-encoding", "")
    age = re.search(r"max-age=(\d+)", caching)
    wrong = [
        said
        for said, fine in (
            (f"status {answer.status}", answer.status == 200),
            ("no hash in its name", _HASHED.search(path)),
            (
                f"not immutable ({caching or 'no Cache-Control'})",
                "immutable" in caching and age and int(age[1]) >= _YEAR,
            ),
            ("not compressed", encoding or len(answer.body) < _WORTH_COMPRESSING),
        )
        if not fine
    ]
    return Check(
        path, not wrong, "; ".join(wrong) or f"hashed, immutable, {encoding or 'tiny'}, {len(answer.body)} bytes"
    )
