"""Secrets that a test can tell again wherever they turn up, in whatever shape a program may have put them into."""

from __future__ import annotations

import base64
import html
import json
import secrets
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 8  # a form that is shorter turns up by itself


def fresh() -> str:
    return secrets.token_hex(10)


# What a user keeps in `secrets:`, in the shapes that programs get wrong.
USERS = {
    "PAYMENT_KEY": f"sk_live_{fresh()}",
    "QUOTED": f'it\'s "{fresh()}" \\ $HOME 100% `{fresh()}` #',
    "SEVERAL_LINES": f"-----BEGIN PRIVATE KEY-----\n{fresh()}{fresh()}\n{fresh()}+/=\n-----END PRIVATE KEY-----\n",
    "UNICODE": f"pässwörd-☂-{fresh()}",
    "BROKER_URL": f"amqp://us%40er:p%2Fss%3A{fresh()}@mq.example.org:5671/%2Fshop?heartbeat=30",
    "ACCOUNT": json.dumps({"type": "service", "private": fresh()}),
    "PIN": secrets.token_hex(4),
}


class Canaries:
    """Named secrets and all their forms; `in_text` and `in_files` say whose were found."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.secrets = dict(secrets)
        every = {name: forms(value) for name, value in self.secrets.items()}
        # What two have in common, as the first line of every OpenSSH key, tells neither.
        count = Counter(form for own in every.values() for form in own)
        self.forms = {form: name for name, own in every.items() for form in own if count[form] == 1}

    def in_text(self, text: str) -> set[str]:
        """The names of the secrets that are in a text."""
        return {name for form, name in self.forms.items() if form in text}

    def in_files(self, *places: Path) -> dict[Path, set[str]]:
        """The names by file, for whole trees and binary files alike."""
        with tempfile.NamedTemporaryFile("w", prefix="canaries-") as patterns:
            patterns.write("\n".join(self.forms))
            patterns.flush()
            command = ["grep", "-rlaF", "--null", "--devices=skip", "-f", patterns.name, *map(str, places)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
        assert done.returncode in (0, 1), done.stderr
        found = [Path(name) for name in done.stdout.split("\0") if name]
        return {path: self.in_text(path.read_bytes().decode(errors="replace")) for path in found}


def forms(value: str) -> set[str]:
    """A secret as it is, line by line, quoted, escaped, encoded."""
    parts = [value, *(line for line in value.splitlines() if not line.startswith("-----"))]
    found = {form for part in parts for form in _forms(part)}
    return {form for form in found if len(form) >= SHORTEST and "\n" not in form}


def _forms(part: str) -> Iterator[str]:
    yield from (part, html.escape(part), quote(part), quote(part, safe=""), quote_plus(part))
    for text in (json.dumps(part), json.dumps(part, ensure_ascii=False), repr(part), ascii(part)):
        yield text[1:-1]
    yield json.dumps(json.dumps(part))[3:-3]
    yield from _base64(part.encode())


def _base64(data: bytes) -> Iterable[str]:
    """As it stands in the encoding of anything that holds it: three ways, by where it begins."""
    for before in range(3):
        whole = base64.b64encode(b"x" * before + data + b"x" * (-(before + len(data)) % 3)).decode()
        inner = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
