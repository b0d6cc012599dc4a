"""What a person's browser asks the proxy, and what goes on."""

from __future__ import annotations

import pytest

from rehearsal.system import doorway


def test_connect() -> None:
    head = b"CONNECT staging.example.org:443 HTTP/1.1\r\nHost: staging.example.org:443"
    target, greeting, first = doorway.parse(head)
    assert (target, first) == (("staging.example.org", 443), b"")
    assert greeting.startswith(b"HTTP/1.1 200 ")


def test_plain_http_goes_on_in_its_own_form_one_request_a_connection() -> None:
    head = b"GET http://staging.example.org/a?b=c HTTP/1.1\r\nHost: staging.example.org\r\nProxy-Connection: keep-alive"
    target, greeting, first = doorway.parse(head)
    assert (target, greeting) == (("staging.example.org", 80), b"")
    assert first == b"GET /a?b=c HTTP/1.1\r\nHost: staging.example.org\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"CONNECT nowhere HTTP/1.1", b"GET ftp://x/ HTTP/1.1", b""])
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(doorway.Refused, match="400 Bad Request"):
        doorway.parse(line)


def test_only_addresses_of_the_rehearsal_are_dialled() -> None:
    with pytest.raises(doorway.Refused, match="403 Not in the rehearsal"):
        doorway._connect("127.0.0.1", 80)
