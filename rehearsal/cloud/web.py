"""The one HTTP port of the APIs: routes by path, gives request ids, writes down all traffic."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.redact import redact
from rehearsal.cloud.store import new_uuid, now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Answer = Callable[[Request, str], Response]
Middleware = Callable[[Request, str, Answer], Response]


class Traffic:
    """`requests.jsonl`: one line for every request, secrets taken out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def write(self, **row: Any) -> None:
        """Add one line."""
        line = json.dumps({"at": now(), **row}, default=str) + "\n"
        with self._lock, self.path.open("a") as file:
            file.write(line)


class Web:
    """A WSGI application made of answers by path prefix; `around` sees the traffic of those under `/v`."""

    def __init__(
        self,
        *,
        answers: dict[str, Answer],
        traffic: Traffic,
        count: Callable[[str], None],
        around: Middleware | None = None,
    ) -> None:
        self.answers = answers
        self.traffic = traffic
        self.count = count
        self.around = around or (lambda request, request_id, answer: answer(request, request_id))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        request.max_content_length = 8 << 20
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        request_id = new_uuid()
        answer = next((a for prefix, a in self.answers.items() if request.path.startswith(prefix)), _nothing)
        if request.path.startswith("/_cloud"):
            return answer(request, request_id)
        started = time.monotonic()
        request.get_data()
        response = self.around(request, request_id, answer)
        response.headers["x-request-id"] = request_id
        self.count("api_reads" if request.method in ("GET", "HEAD", "OPTIONS") else "api_writes")
        self._note(request, response, request_id, round((time.monotonic() - started) * 1000, 1))
        return response

    def _note(self, request: Request, response: Response, request_id: str, ms: float) -> None:
        self.traffic.write(
            method=request.method,
            path=request.full_path.rstrip("?"),
            status=response.status_code,
            ms=ms,
            id=request_id,
            peer=request.remote_addr,
            token=bool(request.headers.get("Authorization")) and "redacted",
            agent=request.headers.get("User-Agent"),
            request=redact(request.get_data()),
            response=redact(response.get_data()),
        )


def _nothing(request: Request, request_id: str) -> Response:
    body = {
        "id": "not_implemented",
        "message": f"{request.method} {request.path}: no such API",
        "request_id": request_id,
    }
    return Response(json.dumps(body), status=501, content_type="application/json")
