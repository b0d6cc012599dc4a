"""DigitalOcean's HTTP API: one token, patient with 429 and 5xx as the official plugin is, and fenced in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from rehearsal.plugins.client import ApiError, Client, endpoint, setting
from rehearsal.plugins.guard import local_token
from rehearsal.plugins.wire import Values

if TYPE_CHECKING:
    from rehearsal.plugins.transport import Unreachable

_DEFAULT_URL = "https://api.digitalocean.com"
_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Cloud(Client):
    """A session: where the API and the buckets are, and with which keys."""

    spaces_endpoint: str
    spaces_access_id: str | None
    spaces_secret_key: str | None

    def error(self, *, method: str, url: str, status: int, answer: Values, text: str) -> ApiError:
        request = f' (request "{answer["request_id"]}")' if answer.get("request_id") else ""
        said = answer.get("message") or text[:200].strip()
        return ApiError(f"{method} {url}: {status}{request} {said}", status=status)

    def asks_again(self, error: ApiError | Unreachable) -> bool:
        if not isinstance(error, ApiError):
            return True
        return error.status == 429 or (error.status >= 500 and error.status != 501)

    def pause(self, wait: float, *, status: int, later: str) -> float:
        return float(later) if status in (429, 503) and later.isdigit() else wait

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


def configure(values: Values) -> Cloud:
    """Begin a session from the provider's settings and the environment; refuse anything but a rehearsal."""
    url, address = endpoint(
        setting(values, "apiEndpoint", "DIGITALOCEAN_API_URL"),
        default=_DEFAULT_URL,
        what="digitalocean: apiEndpoint",
        variable="DIGITALOCEAN_API_URL",
    )
    token = setting(values, "token", "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")
    return Cloud(
        url=url,
        address=address,
        token=local_token(token, what="digitalocean: token"),
        retries=int(setting(values, "httpRetryMax", "DIGITALOCEAN_HTTP_RETRY_MAX") or 4),
        first_wait=float(setting(values, "httpRetryWaitMin", "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN") or 1),
        longest_wait=float(setting(values, "httpRetryWaitMax", "DIGITALOCEAN_HTTP_RETRY_WAIT_MAX") or 30),
        spaces_endpoint=setting(values, "spacesEndpoint", "SPACES_ENDPOINT_URL")
        or "https://{{.Region}}.digitaloceanspaces.com",
        spaces_access_id=setting(values, "spacesAccessId", "SPACES_ACCESS_KEY_ID"),
        spaces_secret_key=setting(values, "spacesSecretKey", "SPACES_SECRET_ACCESS_KEY"),
    )
