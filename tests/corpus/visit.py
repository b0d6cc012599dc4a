"""`python -m tests.corpus.visit URL USER [ADMIN]`, inside the rehearsal: into the admin, store an upload, read it back.

The password comes on stdin. One JSON line tells what was seen; an exception is a failure.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPSHandler, OpenerDirector, Request, build_opener

from rehearsal.trust import authorities, context

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
STORED = re.compile(r'<a href="([^"]+)">[^<]*letter')


class Visitor:
    """A browser without pictures: cookies, forms, verified certificates."""

    def __init__(self, url: str) -> None:
        self._url = url
        tls = HTTPSHandler(context=context(authorities()))
        self._opener: OpenerDirector = build_opener(tls, HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> str:
        """A page as text."""
        with self._opener.open(urljoin(self._url, path), timeout=30) as answer:
            return str(answer.read().decode())

    def read(self, path: str) -> bytes:
        """A file's content."""
        with self._opener.open(urljoin(self._url, path), timeout=30) as answer:
            return bytes(answer.read())

    def send(self, path: str, body: bytes, kind: str) -> str:
        """A form, sent from its own page; the page that came after it."""
        headers = {"Content-Type": kind, "Referer": urljoin(self._url, path)}
        with self._opener.open(Request(urljoin(self._url, path), body, headers), timeout=30) as answer:
            return str(answer.read().decode())

    def token(self, path: str) -> str:
        """What the form at this page wants back."""
        found = TOKEN.search(self.get(path))
        assert found, f"{path}: should have a form"
        return found[1]


def main() -> int:
    """Log in, upload, read."""
    url, user, *rest = sys.argv[1:]
    admin, password = (rest or ["/admin/"])[0], sys.stdin.read().strip()
    visitor = Visitor(url)
    login = f"{admin}login/?next={admin}"
    form = {"csrfmiddlewaretoken": visitor.token(login), "username": user, "password": password, "next": admin}
    inside = visitor.send(login, urlencode(form).encode(), "application/x-www-form-urlencoded")
    assert "Documents" in inside, "the admin should list documents"
    content = secrets.token_bytes(3000)
    shelf = f"{admin}shelf/document/"
    visitor.send(f"{shelf}add/", *_multipart(visitor.token(f"{shelf}add/"), content))
    change = re.search(rf'href="({re.escape(shelf)}\d+/change/)"', visitor.get(shelf))
    assert change, "the document should be listed"
    stored = STORED.search(visitor.get(change[1]))
    assert stored, "the document's file should be linked"
    place = stored[1].replace("&amp;", "&")
    assert visitor.read(place) == content, "what was stored should be what was sent"
    print(json.dumps({"stored": place.partition("?")[0]}))
    return 0


def _multipart(token: str, content: bytes) -> tuple[bytes, str]:
    mark = secrets.token_hex(16)
    fields = {"csrfmiddlewaretoken": token, "title": "A letter", "_save": "Save"}
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="letter.bin"\r\n'
    parts.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


if __name__ == "__main__":
    sys.exit(main())
