"""The TLS front of Pebble: answers under Let's Encrypt's own name, so that a site's Caddyfile is production's."""

import http.client
import json
import ssl
import sys
import tempfile
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import ca

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_PROBLEM = "application/problem+json"


class Front(ThreadingHTTPServer):
    """Passes every request on to Pebble; its URLs carry the name the client asked for, because Host is kept."""

    daemon_threads = True

    def __init__(self, *, home: Path, pebble: str) -> None:
        super().__init__((paths.ACME, 443), Request)
        self.pebble = pebble
        self.trust = ssl.create_default_context(cafile=str(home / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home / "front.crt", home / "front.key")
        context.sni_callback = _skew
        # Handshakes are done by the threads, else one silent client would stop the others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class Request(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Front

    def do_GET(self) -> None:
        """Everything is passed on alike, save what a fault of the cloud strikes."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = _fault(self.command, self.path) or {}
        if fault.get("when") == "after" and fault["do"] != "delay":
            self._ask(body)
        time.sleep(fault.get("seconds", 0))
        match fault.get("do"):
            case "drop":
                self.close_connection = True
            case "refuse":
                self._answer(fault["status"], [("Content-Type", _PROBLEM), *fault["headers"].items()], _refusal(fault))
            case _:
                self._answer(*self._ask(body))

    do_POST = do_HEAD = do_GET

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        path = "/dir" if self.path == "/directory" else self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        connection = http.client.HTTPSConnection(self.server.pebble, timeout=60, context=self.server.trust)
        try:
            connection.request(self.command, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError as problem:
            return 502, [("Content-Type", "text/plain")], f"Pebble: {problem}\n".encode()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _skew(connection: ssl.SSLObject, name: str, context: ssl.SSLContext) -> None:
    """Show a certificate of an authority whose clock is ahead, when a fault says so: it is not valid yet."""
    if fault := _fault("HANDSHAKE", name or "", service="acme-tls"):
        connection.context = _ahead(timedelta(seconds=fault["seconds"]))


def _ahead(begins: timedelta) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(ca.issue([paths.ACME_NAME, paths.ACME_TRIAL_NAME], begins=begins)))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _fault(method: str, path: str, *, service: str = "acme") -> dict[str, Any] | None:
    """What the cloud's list of rules says about a call; the daemon keeps it, and without a daemon nothing is wrong."""
    call = {"service": service, "method": method, "path": path.partition("?")[0]}
    connection = http.client.HTTPConnection(paths.GATEWAY, paths.API_PORT, timeout=5)
    try:
        connection.request("POST", "/_cloud/faults/meet", json.dumps(call), {"Content-Type": "application/json"})
        struck: dict[str, Any] | None = json.loads(connection.getresponse().read())["fault"]
        return struck
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _refusal(fault: dict[str, Any]) -> bytes:
    kind = "rateLimited" if fault["status"] == 429 else "serverInternal"
    body = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": "refused by a fault", "status": fault["status"]}
    return json.dumps(fault["body"] or body).encode()


if __name__ == "__main__":
    Front(home=Path(sys.argv[1]), pebble=sys.argv[2]).serve_forever()
