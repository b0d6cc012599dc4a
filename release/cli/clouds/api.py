"""A cloud's public API with the token `pulumi up` uses: read, and asked for what no engine orders."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from release.cli.clouds.cloud import NotAsked, Row
from release.live import trusted_certificates

__all__ = ["MISSING", "Json", "Reader", "Rows", "bucket_rows", "opened", "record_rows", "rows_of", "verified"]

SECONDS = 20
MISSING = "missing"
ANYWHERE = ["0.0.0.0/0", "::/0"]
CLASHING = ("A", "AAAA", "CNAME")
Rows = Iterable[Row]
Json = Mapping[str, Any]


class Reader:
    """GET, with paging; what is not there is None."""

    page = 50

    def __init__(self, url: str, *tokens: str) -> None:
        """`tokens` are the variables a token may stand in; the first one is named where none does."""
        self._url = url.rstrip("/")
        self._variable = tokens[0]
        self._token = next(filter(None, map(os.environ.get, tokens)), "")
        if not self._token:
            raise NotAsked(f"no token: set {self._variable}, as for pulumi up")
        self._tls = verified()

    def more(self, found: Mapping[str, Any]) -> bool:
        """Whether a list goes on behind this page."""
        raise NotImplementedError

    def get(self, path: str) -> dict[str, Any] | None:
        """One answer; None for a 404."""
        try:
            return self._answer("GET", path)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise NotAsked(self._refused(error.code)) from None

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Something ordered or changed; what the cloud refuses it says itself."""
        try:
            return self._answer(method, path, body)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")[:300]
            raise NotAsked(f"{self._refused(error.code)}: {method} {path}: {said}") from None

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "slipway", "Accept": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        headers |= {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS, context=self._tls) as answer:
                found: dict[str, Any] = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError:
            raise
        except (OSError, ValueError) as error:
            raise NotAsked(f"{self._host} does not answer ({getattr(error, 'reason', error)}), try again") from None

    def all(self, path: str, kind: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            mark = "&" if "?" in path else "?"
            found = self.get(f"{path}{mark}per_page={self.page}&page={page}") or {}
            rows += found.get(kind) or []
            if not self.more(found):
                return rows
            page += 1

    @property
    def _host(self) -> str:
        return self._url.rpartition("/v")[0]

    def _refused(self, code: int) -> str:
        if code in (401, 403):
            return f"{self._host} refuses the token ({code}), set {self._variable} to one that may read everything"
        return f"{self._host} answered {code}, try again"


def verified() -> ssl.SSLContext:
    """Ordinary verification, with the certificates this computer trusts."""
    return ssl.create_default_context(cafile=trusted_certificates())


def rows_of(parts: Sequence[Callable[[Any, Json, str], Rows]], api: Reader, made: Json, *, stack: str) -> Sequence[Row]:
    """Every row, asked for at the same time, in a fixed order."""
    asked = [partial(part, api, made, f"pulumi up --refresh -s {stack}") for part in parts]
    with ThreadPoolExecutor() as threads:
        return [row for rows in threads.map(lambda part: list(part()), asked) for row in rows]


def bucket_rows(_: Reader, made: Json, again: str) -> Rows:
    """Nobody's request: a bucket that is there refuses it, one that is not is not found."""
    for name, url in made["buckets"].items():
        found = _bucket(url)
        lost = f"what was in it is gone, {again} makes an empty one"
        yield Row(f"bucket {name}", "there", found, lost if found == MISSING else again)


def record_rows(made: Json, again: str, *, zone: Callable[[str], Iterable[tuple[str, str, str]]]) -> Rows:
    """What stands at each host's name; `zone` gives the records of one as name, type and value."""
    known = {name: list(zone(name)) for name in {record["zone"] for record in made["records"].values()}}
    for host, record in made["records"].items():
        own = [each for each in known[record["zone"]] if each[0] == record["name"] and each[1] in CLASHING]
        told = sorted(f"{kind} {value}" for _, kind, value in own)
        yield Row(f"record {host}", f"A {made['address']}", ", ".join(told) or MISSING, again)


def opened(what: str, sources: Sequence[str]) -> str:
    """A rule of a firewall in words, and from where it lets in unless that is from everywhere."""
    return what if set(sources) == set(ANYWHERE) else f"{what} from {', '.join(sorted(sources))}"


def _bucket(url: str) -> str:
    request = urllib.request.Request(f"{url}/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=20, context=verified()):
            return "there, and open to everybody"
    except urllib.error.HTTPError as error:
        with error:
            return {403: "there", 404: MISSING}.get(error.code, f"answers {error.code}")
    except OSError as error:
        return f"does not answer ({getattr(error, 'reason', error)})"
