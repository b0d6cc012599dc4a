"""What tests of `slipway status` share: buckets that answer nobody, and lines held against a pattern."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def buckets(statuses: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """The address of each bucket; a HEAD there is answered with its status, as it is at that moment."""

    class Objects(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(statuses.get(self.path.strip("/"), 404))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Objects) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in statuses}
        server.shutdown()


def like(pattern: str, line: str) -> bool:
    """`.*` stands for anything, everything else for itself."""
    rest = line
    for part in pattern.split(".*"):
        _, found, rest = rest.partition(part)
        if not found and part:
            return False
    return True
