"""As much of a bucket as a machine's tool asks of one, kept in memory."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Shelf(http.server.ThreadingHTTPServer):
    """Objects by key; every request has to be signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.objects: dict[str, bytes] = {}


class Request(http.server.BaseHTTPRequestHandler):
    server: Shelf
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.server.objects[self.path[1:]] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_GET(self) -> None:
        if self.path.startswith("/?list-type=2"):
            keys = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in sorted(self.server.objects))
            return self._answer(200, f"<R><IsTruncated>false</IsTruncated>{keys}</R>".encode())
        found = self.server.objects.get(self.path[1:])
        return self._answer(404) if found is None else self._answer(200, found)

    def _answer(self, code: int, body: bytes = b"") -> None:
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=A/")
        code, body = (code, body) if signed else (403, b"")
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        return None


@contextmanager
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()
