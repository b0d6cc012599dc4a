"""What the stand-ins of two clouds share: a fenced-in client of an HTTP API that asks again as the official ones do."""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from rehearsal.plugins.guard import Refused, own_address
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

if TYPE_CHECKING:
    from rehearsal.plugins.transport import Unreachable


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, text: str, *, status: int, code: str = "") -> None:
        super().__init__(text)
        self.status, self.code = status, code


@dataclass(frozen=True, kw_only=True)
class Client(ABC):
    """A session: where the API is, with which token, and how patiently it asks."""

    url: str
    address: str
    token: str
    retries: int
    first_wait: float
    longest_wait: float

    @abstractmethod
    def error(self, *, method: str, url: str, status: int, answer: Values, text: str) -> ApiError:
        """What the official plugin would say of this answer."""

    @abstractmethod
    def asks_again(self, error: ApiError | Unreachable) -> bool:
        """Whether the official plugin's client asks again, whatever the method: a POST that was done is done twice."""

    @abstractmethod
    def pause(self, wait: float, *, status: int, later: str) -> float:
        """Seconds until it asks again, of which the answer may have had something to say."""

    def missing(self, error: ApiError) -> bool:
        """Whether the answer says that there is no such thing."""
        return error.status == 404

    def get(self, path: str) -> Values:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Values | None) -> Values:
        return self._ask("POST", path, body)

    def put(self, path: str, body: Values) -> Values:
        return self._ask("PUT", path, body)

    def patch(self, path: str, body: Values) -> Values:
        return self._ask("PATCH", path, body)

    def delete(self, path: str, body: Values | None = None, *, gone_is_fine: bool = True) -> Values:
        try:
            return self._ask("DELETE", path, body)
        except ApiError as error:
            if not self.missing(error) or not gone_is_fine:
                raise
            return {}

    def find(self, path: str) -> Values | None:
        """What is there, or None."""
        try:
            return self.get(path)
        except ApiError as error:
            if self.missing(error):
                return None
            raise

    def _ask(self, method: str, path: str, body: Values | None) -> Values:
        from rehearsal.plugins.transport import Unreachable, send

        wait, left = self.first_wait, self.retries
        while True:
            pause = wait
            try:
                status, text, later = send(method, self.url + path, address=self.address, token=self.token, body=body)
                pause = self.pause(wait, status=status, later=later)
                return self._read(status, text, method, self.url + path)
            except (Unreachable, ApiError) as error:
                if left <= 0 or not self.asks_again(error):
                    raise
            time.sleep(pause)
            wait, left = min(wait * 2, self.longest_wait), left - 1

    def _read(self, status: int, text: str, method: str, url: str) -> Values:
        try:
            told = json.loads(text) if text.strip() else {}
        except ValueError:
            told = {}
        answer: Values = told if isinstance(told, dict) else {}
        if not 200 <= status < 300:
            raise self.error(method=method, url=url, status=status, answer=answer, text=text)
        return answer


def endpoint(given: str | None, *, default: str, what: str, variable: str) -> tuple[str, str]:
    """The URL of the API and an address of its host, which must lie in the rehearsal."""
    url = (given or default).rstrip("/")
    if url == default:  # not worth a question to the host's resolver
        raise Refused(
            f"{what}: should lie in the rehearsal ({variable} is not set), "
            "this plugin is a stand-in: for a real cloud install the official one"
        )
    if "://" not in url:
        url = f"http://{url}"
    return url, own_address(str(urlsplit(url).hostname), what=what)


def setting(values: Values, name: str, *variables: str) -> str | None:
    """A setting of the provider, from the program or from the environment."""
    given = [values.get(name), *(os.environ.get(variable) for variable in variables)]
    return next((str(value) for value in given if value not in (None, "")), None)


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
