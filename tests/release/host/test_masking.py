"""Secrets blanked in every shape a program may have put them into."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from release.host.agent.journal import Journal
from release.host.agent.masking import MASK, forms, masked, pattern
from release.host.agent.site import Site
from tests.release.host.bench import Recorded

QUOTED = 'it\'s "half" \\ of 100% <ünder>'
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINp97jZr7oQWcbov\nO4EndBdYABrCtv==\n-----END PRIVATE KEY-----\n"
URL = "amqp://shop:p%2Fss+word@mq.example.org/v"
SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a dictionary": lambda value: str({"a": value, "b": 1}),
    "in JSON": lambda value: json.dumps({"a": value}),
    "in JSON with its own letters": lambda value: json.dumps({"a": value}, ensure_ascii=False),
    "in ASCII": ascii,
    "in an address": lambda value: f"postgres://site:{quote(value, safe='')}@host/db",
    "in a path": quote,
    "in a form": quote_plus,
    "in a page": html.escape,
    "encoded": lambda value: base64.b64encode(value.encode()).decode(),
    "encoded behind one byte": lambda value: base64.b64encode(b"u" + value.encode()).decode(),
    "encoded between others": lambda value: base64.urlsafe_b64encode(b"u:" + value.encode() + b"..").decode(),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [QUOTED, "AVNS_he-e7AIO", "pässwörd-☂-12"])
def test_is_blanked_in_every_shape(value: str, shape: str) -> None:
    text = f"before {SHAPES[shape](value)} after"
    blanked = masked(text, pattern([value]))
    assert MASK in blanked
    assert not [form for form in forms([value]) if form in blanked]
    assert blanked.startswith("before ")
    assert blanked.endswith(" after")


def test_a_key_is_blanked_when_it_is_told_line_by_line() -> None:
    told = masked([f"  {line}" for line in KEY.splitlines()], pattern([KEY]))
    assert told == ["  -----BEGIN PRIVATE KEY-----", f"  {MASK}", f"  {MASK}", "  -----END PRIVATE KEY-----"]


def test_the_password_in_an_address_is_a_secret_of_its_own() -> None:
    assert masked("p/ss+word failed, p%2Fss+word too", pattern([URL])) == f"{MASK} failed, {MASK} too"


def test_short_and_absent_values_blank_nothing() -> None:
    assert pattern(["no", ""]) is None
    assert masked({"a": ["no", 1, None]}, None) == {"a": ["no", 1, None]}
    assert masked({"a": ["secret-one", 1, None]}, pattern(["secret-one"])) == {"a": [MASK, 1, None]}


def test_the_agents_journal_holds_none(site: Site, machine: Recorded) -> None:
    journal = Journal(site, machine, hidden=pattern([QUOTED]))
    journal.note("failed", cause=f"could not connect: {QUOTED!r}", ahead=[])
    assert journal.last(1)[0]["cause"] == f"could not connect: {QUOTED!r}".replace(repr(QUOTED)[1:-1], MASK)
