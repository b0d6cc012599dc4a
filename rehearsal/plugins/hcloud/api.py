"""Hetzner's HTTP API: errors by their codes, lists by their pages, patient as the official client is, and fenced in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from rehearsal.plugins.client import ApiError, Client, endpoint, segment, setting
from rehearsal.plugins.guard import Refused, local_token
from rehearsal.plugins.wire import Values

if TYPE_CHECKING:
    from rehearsal.plugins.transport import Unreachable

_DEFAULT_URL = "https://api.hetzner.cloud/v1"
_TOKEN_LENGTH = 64
_PASSING = ("conflict", "rate_limit_exceeded", "bad_gateway", "timeout")


@dataclass(frozen=True, kw_only=True)
class Cloud(Client):
    """A session: where the API is, and with which token."""

    def error(self, *, method: str, url: str, status: int, answer: Values, text: str) -> ApiError:
        told = answer.get("error") or {}
        if not told.get("code"):
            return ApiError(f"{method} {url}: hcloud: server responded with status code {status}", status=status)
        fields = (told.get("details") or {}).get("fields") if told["code"] == "invalid_input" else None
        wrong = [f"{field['name']} => {field['messages']}" for field in fields or ()]
        said = f"{told.get('message')} ({told['code']})" + (f": {wrong}" if wrong else "")
        return ApiError(f"{method} {url}: {said}", status=status, code=told["code"])

    def asks_again(self, error: ApiError | Unreachable) -> bool:
        if not isinstance(error, ApiError):
            return error.timed_out
        return error.code in _PASSING if error.code else error.status in (502, 504)

    def pause(self, wait: float, *, status: int, later: str) -> float:
        return wait

    def missing(self, error: ApiError) -> bool:
        return error.code == "not_found"

    def list(self, path: str, key: str, **query: Any) -> list[Values]:
        """Every row of a list, page by page."""
        rows: list[Values] = []
        page: int | None = 1
        while page:
            answer = self.get(f"{path}?{urlencode({**query, 'page': page}, doseq=True)}")
            rows += answer.get(key) or []
            page = ((answer.get("meta") or {}).get("pagination") or {}).get("next_page")
        return rows

    def one(self, path: str, key: str, id: Any) -> Values | None:
        """The thing with this number."""
        found = self.find(f"{path}/{segment(id)}")
        row: Values | None = found[key] if found else None
        return row

    def named(self, path: str, key: str, name: str, **query: Any) -> Values | None:
        """The thing with this name."""
        rows = self.list(path, key, name=name, **query)
        return rows[0] if rows else None

    def known(self, path: str, key: str, wanted: Any) -> Values | None:
        """The thing with this number or name: a number that is not found is looked for among the names too."""
        found = self.one(path, key, wanted) if str(wanted).isdigit() else None
        return found or self.named(path, path.removeprefix("/"), str(wanted))


def configure(values: Values) -> Cloud:
    """Begin a session from the provider's settings and the environment; refuse anything but a rehearsal."""
    url, address = endpoint(
        setting(values, "endpoint", "HCLOUD_ENDPOINT"),
        default=_DEFAULT_URL,
        what="hcloud: endpoint",
        variable="HCLOUD_ENDPOINT",
    )
    token = local_token(setting(values, "token", "HCLOUD_TOKEN"), what="hcloud: token")
    if len(token) != _TOKEN_LENGTH:
        raise Refused(f"hcloud: token: should be exactly {_TOKEN_LENGTH} characters long (got {len(token)})")
    return Cloud(url=url, address=address, token=token, retries=5, first_wait=1.0, longest_wait=60.0)
