"""Threaded HTTP servers, with TLS where asked; a client that is slow to shake hands holds up nobody else."""

from __future__ import annotations

import logging
import socket
import ssl
import tempfile
import threading
from typing import TYPE_CHECKING, Any, cast

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from rehearsal.cloud import places

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("cloud")
HANDSHAKE_SECONDS = 10
IDLE_SECONDS = 120
POLL_SECONDS = 0.1  # how long an idle server takes to notice that it should stop


class _Quiet(WSGIRequestHandler):
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first's receipt

    def log(self, type: str, message: str, *args: Any) -> None:
        if type == "error":
            log.warning(message, *args)

    def version_string(self) -> str:
        return "rehearsal"


class Server(ThreadedWSGIServer):
    """Serves one application on one address, on threads of its own."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, app: WSGIApplication, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        if not places.ours(host):
            raise ValueError(f"listen on loopback or one of the rehearsal's own addresses only (got {host})")
        super().__init__(host, port, app, handler=_Quiet)
        # Set after the base class looked at it: it would shake hands on the thread that accepts.
        self.ssl_context = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then answer."""
        if self.ssl_context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(HANDSHAKE_SECONDS)
        try:
            secured = self.ssl_context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError) as error:
            log.debug("handshake with %s: %s", client_address, error)
            return
        try:
            secured.settimeout(IDLE_SECONDS)
            super().finish_request(cast(socket.socket, secured), client_address)
        finally:
            _hang_up(secured)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke on a connection in one line."""
        log.warning("connection from %s broke", client_address, exc_info=True)

    def start(self) -> threading.Thread:
        """Serve until `shutdown`."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True)
        thread.start()
        return thread


def _hang_up(secured: ssl.SSLSocket) -> None:
    try:
        secured.settimeout(2)
        secured.unwrap()
    except (ssl.SSLError, OSError):
        pass
    finally:
        secured.close()


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """Make a server's TLS context from PEM texts, which the ssl module only reads from a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{certificate}\n{key}")
        file.flush()
        context.load_cert_chain(file.name)
    return context
