"""A plain client of the local API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Client:
    """Calls the API at an address."""

    url: str
    token: str = "local-test"
    root: str = "/v2"

    def __call__(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        """Make a call under the root, see that its status is as expected, and give the body."""
        answer = self.raw(method, f"{self.root}{path}", body)
        expected = (200, 201, 202, 204) if status is None else (status,)
        assert answer.status in expected, (method, path, answer)
        return answer.body

    def raw(self, method: str, path: str, body: Any = None) -> Answer:
        """Make any call."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)

    def until(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """Read a path until its answer is as wanted."""
        for _ in range(200):
            body = self("GET", path)
            if holds(body):
                return body
            time.sleep(0.02)
        raise AssertionError(f"{path} never became as wanted: {body}")


def _answer(status: int, raw: bytes, headers: Any) -> Answer:
    return Answer(status, json.loads(raw) if raw else None, {k.lower(): v for k, v in headers.items()})
