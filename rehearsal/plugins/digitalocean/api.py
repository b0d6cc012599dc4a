"""The cloud's HTTP API: one token, patient with 429 and 5xx as the official plugin is, and fenced in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from rehearsal.plugins.guard import Refused, local_token, own_address
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

_DEFAULT_URL = "https://api.digitalocean.com"
_PAGE = 200


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, *, method: str, url: str, status: int, answer: Values, text: str) -> None:
        request = f' (request "{answer["request_id"]}")' if answer.get("request_id") else ""
        super().__init__(f"{method} {url}: {status}{request} {answer.get('message') or text[:200].strip()}")
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the official plugin's client asks again, whatever the method: a POST that was done is done twice."""
        return self.status == 429 or (self.status >= 500 and self.status != 501)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A session: where the API and the buckets are, and with which keys."""

    url: str
    address: str
    token: str
    retries: int
    first_wait: float
    longest_wait: float
    spaces_endpoint: str
    spaces_access_id: str | None
    spaces_secret_key: str | None

    def get(self, path: str) -> Values:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Values) -> Values:
        return self._ask("POST", path, body)

    def put(self, path: str, body: Values) -> Values:
        return self._ask("PUT", path, body)

    def patch(self, path: str, body: Values) -> Values:
        return self._ask("PATCH", path, body)

    def delete(self, path: str, body: Values | None = None, *, gone_is_fine: bool = True) -> None:
        try:
            self._ask("DELETE", path, body)
        except ApiError as error:
            if error.status != 404 or not gone_is_fine:
                raise

    def find(self, path: str) -> Values | None:
        """What is there, or None."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, key: str, **query: str) -> list[Values]:
        """Every row of a list, page by page."""
        rows: list[Values] = []
        page = 1
        while True:
            answer = self.get(f"{path}?{urlencode({**query, 'page': page, 'per_page': _PAGE})}")
            rows += answer.get(key) or []
            if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
                return rows
            page += 1

    def _ask(self, method: str, path: str, body: Values | None) -> Values:
        from rehearsal.plugins.digitalocean.transport import Unreachable, send

        wait, left = self.first_wait, self.retries
        while True:
            pause = wait
            try:
                status, text, later = send(method, self.url + path, address=self.address, token=self.token, body=body)
                if status in (429, 503) and later.isdigit():
                    pause = float(later)
                return _read(status, text, method, self.url + path)
            except (Unreachable, ApiError) as error:
                if left <= 0 or (isinstance(error, ApiError) and not error.passing):
                    raise
            time.sleep(pause)
            wait, left = min(wait * 2, self.longest_wait), left - 1


def configure(values: Values) -> Cloud:
    """Begin a session from the provider's settings and the environment; refuse anything but a rehearsal."""
    url = _setting(values, "apiEndpoint", "DIGITALOCEAN_API_URL") or _DEFAULT_URL
    if url == _DEFAULT_URL:  # not worth a question to the host's resolver
        raise Refused(
            "digitalocean: apiEndpoint: should lie in the rehearsal (DIGITALOCEAN_API_URL is not set), "
            "this plugin is a stand-in: for a real cloud install the official one"
        )
    if "://" not in url:
        url = f"http://{url}"
    token = _setting(values, "token", "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")
    return Cloud(
        url=url.rstrip("/"),
        address=own_address(str(urlsplit(url).hostname), what="digitalocean: apiEndpoint"),
        token=local_token(token, what="digitalocean: token"),
        retries=int(_setting(values, "httpRetryMax", "DIGITALOCEAN_HTTP_RETRY_MAX") or 4),
        first_wait=float(_setting(values, "httpRetryWaitMin", "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN") or 1),
        longest_wait=float(_setting(values, "httpRetryWaitMax", "DIGITALOCEAN_HTTP_RETRY_WAIT_MAX") or 30),
        spaces_endpoint=_setting(values, "spacesEndpoint", "SPACES_ENDPOINT_URL")
        or "https://{{.Region}}.digitaloceanspaces.com",
        spaces_access_id=_setting(values, "spacesAccessId", "SPACES_ACCESS_KEY_ID"),
        spaces_secret_key=_setting(values, "spacesSecretKey", "SPACES_SECRET_ACCESS_KEY"),
    )


def segment(text: Any) -> str:
    """One segment of a path."""
    return quote(str(text), safe="")


def wait_until(call: Call, done: Callable[[], bool], *, what: str, limit: float) -> None:
    """Look again and again, soon at first, until it is so."""
    ends, pause = time.monotonic() + (call.timeout or limit), 0.05
    while not done():
        if call.cancelled.is_set():
            raise Refused(f"{what}: cancelled while waiting")
        if time.monotonic() > ends:
            raise Refused(f"{what}: not so after {call.timeout or limit:.0f} s")
        call.cancelled.wait(pause)
        pause = min(pause * 1.5, 0.5)


def _setting(values: Values, name: str, *variables: str) -> str | None:
    given = [values.get(name), *(os.environ.get(variable) for variable in variables)]
    return next((str(value) for value in given if value not in (None, "")), None)


def _read(status: int, text: str, method: str, url: str) -> Values:
    try:
        answer = json.loads(text) if text.strip() else {}
    except ValueError:
        answer = {}
    if not 200 <= status < 300:
        raise ApiError(
            method=method, url=url, status=status, answer=answer if isinstance(answer, dict) else {}, text=text
        )
    return answer if isinstance(answer, dict) else {}
