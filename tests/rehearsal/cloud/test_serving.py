"""Where the cloud may listen, and how its servers treat strangers."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.serving import Server, server_tls
from tests.rehearsal.cloud.authority import TestAuthority


def hello(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer anything."""
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.mark.parametrize("host", ["0.0.0.0", "198.51.100.77", "10.0.0.1"])
def test_it_listens_on_its_own_addresses_only(host: str) -> None:
    """Anything else is refused before a socket is opened."""
    with pytest.raises(ValueError, match=f"the rehearsal's own addresses only \\(got {host}\\)"):
        Server(hello, host=host, port=0)


def test_a_silent_client_holds_up_nobody(tmp_path: Path) -> None:
    """Somebody connects and never shakes hands; the next one is answered."""
    authority = TestAuthority(tmp_path)
    server = Server(hello, host="127.0.0.1", port=0, tls=server_tls(*authority.issue(["localhost"])))
    server.start()
    trust = ssl.create_default_context(cafile=str(authority.root))
    url = f"https://localhost:{server.server_port}/"
    silent = socket.create_connection(("127.0.0.1", server.server_port))
    with silent, urllib.request.urlopen(url, context=trust, timeout=3) as answer:
        assert answer.read() == b"hello"
    server.shutdown()
    server.server_close()
