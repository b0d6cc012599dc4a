"""One HTTP request; apart from the rest because its imports are slow, and a preview makes no request."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from rehearsal.plugins.wire import Values

_TIMEOUT = 120


class Unreachable(Exception):
    """The request did not get an answer."""

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


def send(method: str, url: str, *, address: str, token: str, body: Values | None) -> tuple[int, str, str]:
    """Ask `url` at the address that the fence has seen; status, text and Retry-After of the answer."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"  # there the certificate binds the name, so the name is dialled
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(
        str(parts.hostname) if secure else address, parts.port, timeout=_TIMEOUT
    )
    headers = {"Authorization": f"Bearer {token}", "Host": parts.netloc, "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace"), answer.getheader("Retry-After", "")
    except (OSError, http.client.HTTPException) as error:
        late = isinstance(error, TimeoutError)
        raise Unreachable(f"{method} {url}: {error or type(error).__name__}", timed_out=late) from None
    finally:
        connection.close()
