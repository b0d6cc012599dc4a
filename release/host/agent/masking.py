"""Secrets blanked in what is said and written down, in every shape a program may have put them into."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

__all__ = ["MASK", "forms", "masked", "pattern", "secrets_in"]

MASK = "[secret]"
SHORTEST = 6  # a shorter value would blank ordinary words
NAMES = frozenset(
    (
        *("password", "admin_password", "secret_key", "secret_key_fallbacks", "staging_password", "login_key"),
        *("certificate_key", "private_key", "cipher", "notify"),
    )
)


def secrets_in(document: object, *, inside: bool = False) -> Iterator[str]:
    """Every secret value of a document."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from secrets_in(value, inside=inside or key == "secrets" or key in NAMES)
    elif isinstance(document, (list, tuple)):
        for value in document:
            yield from secrets_in(value, inside=inside)
    elif inside and isinstance(document, str):
        yield document


def forms(secrets: Iterable[str], *, shortest: int = SHORTEST) -> list[str]:
    """The secrets and what they look like quoted, escaped and encoded; longest first, so that none is left in part."""
    values = {part for value in secrets for part in _parts(value) if len(part) >= shortest}
    found = {form for value in values for form in _forms(value) if len(form) >= shortest}
    return sorted(found, key=lambda form: (-len(form), form))


def masked(value: Any, hidden: re.Pattern[str] | None) -> Any:
    """The same with every secret blanked; `hidden` is made by `pattern`."""
    if hidden is None:
        return value
    if isinstance(value, str):
        return hidden.sub(MASK, value)
    if isinstance(value, Mapping):
        return {key: masked(item, hidden) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, hidden) for item in value]
    return value


def pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Finds every form of these secrets; None when there is nothing to hide."""
    wanted = forms(secrets)
    return re.compile("|".join(map(re.escape, wanted))) if wanted else None


def _parts(value: str) -> Iterator[str]:
    """The whole value, its lines (a key is often told line by line), and the password in an address."""
    yield value
    yield from (line for line in value.splitlines() if not line.startswith("-----"))
    try:
        password = urlsplit(value).password
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))


def _forms(value: str) -> Iterator[str]:
    yield value
    yield from (quote(value), quote(value, safe=""), quote_plus(value))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (repr(value)[1:-1], ascii(value)[1:-1], html.escape(value))
    data = value.encode()
    for shift in range(3):
        # Where it stands within a longer text decides how it is encoded; the digits it shares with its neighbours go.
        encoded = base64.b64encode(bytes(shift) + data).decode().rstrip("=")
        whole = encoded[(0, 2, 3)[shift] : None if (shift + len(data)) % 3 == 0 else -1]
        yield from (whole, whole.replace("+", "-").replace("/", "_"))
