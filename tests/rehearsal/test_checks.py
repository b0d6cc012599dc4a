"""The checks of a site, against one on loopback that is well and then wrong in one way after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rehearsal.checks import Check, check_site
from tests.rehearsal.test_prober import Page, certificate, site

SHEET = "/static/admin/base.0123456789ab.css"
IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "br"}


@dataclass
class Neighbourhood:
    """A site and its second host, with what a test changes about them."""

    authority: Path
    home: int = 200
    sheet: str = SHEET
    headers: dict[str, str] = field(default_factory=lambda: dict(IMMUTABLE))
    redirect: int = 308
    keeps_path: bool = True
    url: str = ""
    other: str = ""

    def answer(self, page: Page) -> None:
        if page.path == "/":
            reply(page, self.home, b"home")
        elif page.path == "/admin/login/":
            reply(page, 200, f'<link rel="stylesheet" href="{self.sheet}"><script src="//elsewhere/x.js">'.encode())
        elif page.path == self.sheet:
            reply(page, 200, b"x" * 2000, **self.headers)
        else:
            reply(page, 404, b"")

    def send_on(self, page: Page) -> None:
        reply(page, self.redirect, b"", Location=self.url.rstrip("/") + (page.path if self.keeps_path else "/"))

    def checks(self) -> dict[str, Check]:
        """Everything but plain HTTP, which loopback cannot have on the ports that names go to."""
        found = check_site(self.url, hosts=["localhost", self.other], authorities=[self.authority])
        return {check.name: check for check in found if not check.name.startswith("http:") and ", " not in check.name}

    def failed(self) -> dict[str, str]:
        return {name: check.seen for name, check in self.checks().items() if not check.ok and name != "http"}


def reply(page: Page, status: int, body: bytes, **headers: str) -> None:
    page.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        page.send_header(name, value)
    page.end_headers()
    page.wfile.write(body)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Neighbourhood]:
    tls, authority = certificate(tmp_path)
    place = Neighbourhood(authority)
    with ExitStack() as stack:
        place.url = stack.enter_context(site(place.answer, tls=tls))
        place.other = stack.enter_context(site(place.send_on, tls=tls)).removeprefix("https://").rstrip("/")
        yield place


def test_a_site_that_is_well(place: Neighbourhood) -> None:
    checks = place.checks()
    assert [name for name, check in checks.items() if check.ok] == [
        "home page",
        f"https://{place.other}/ redirects",
        "admin's login page",
        SHEET,
    ]
    assert checks["certificate"].seen.startswith("for localhost by localhost, until"), (
        "self-signed, and not let through"
    )
    assert checks[SHEET].seen == "hashed, immutable, br, 2000 bytes"


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_home_page_that_is_not_there(place: Neighbourhood, status: int) -> None:
    place.home = status
    assert place.failed()["home page"] == f"{status}, 4 bytes"


def test_an_unknown_authority(place: Neighbourhood) -> None:
    found = check_site(place.url)
    assert not any(check.ok for check in found)
    assert "CERTIFICATE_VERIFY_FAILED" in found[0].seen


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Content-Encoding": "br"}, "not immutable (no Cache-Control)"),
        ({**IMMUTABLE, "Cache-Control": "max-age=60, immutable"}, "not immutable (max-age=60, immutable)"),
        ({"Cache-Control": IMMUTABLE["Cache-Control"]}, "not compressed"),
    ],
)
def test_static_files_served_badly(place: Neighbourhood, headers: dict[str, str], said: str) -> None:
    place.headers = headers
    assert place.failed()[SHEET] == said


def test_static_files_without_a_hash(place: Neighbourhood) -> None:
    place.sheet = "/static/admin/base.css"
    assert place.failed()[place.sheet] == "no hash in its name"


def test_a_login_page_without_style(place: Neighbourhood) -> None:
    place.sheet = "/static/admin/base.txt"
    assert place.failed()["admin's static files"] == "no stylesheet in the page"


@pytest.mark.parametrize(("status", "keeps_path"), [(302, True), (308, False), (200, True)])
def test_a_second_host_that_does_not_lead_home(place: Neighbourhood, status: int, keeps_path: bool) -> None:
    place.redirect, place.keeps_path = status, keeps_path
    assert f"https://{place.other}/ redirects" in place.failed()
