"""Compiled translations (.mo) for every .po that has none, without asking for gettext to be installed."""

import ast
import struct
from dataclasses import dataclass, field
from pathlib import Path

from release.build.tree import Tree

MAGIC = 0x950412DE


@dataclass
class Message:
    """One entry of a .po file."""

    fuzzy: bool = False
    context: str | None = None
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        plural = f"\0{self.parts['msgid_plural']}" if "msgid_plural" in self.parts else ""
        context = f"{self.context}\4" if self.context is not None else ""
        return f"{context}{self.parts.get('msgid', '')}{plural}".encode()

    @property
    def value(self) -> bytes:
        numbered = [text for name, text in self.parts.items() if name.startswith("msgstr")]
        return "\0".join(numbered).encode() if all(numbered) else b""


def compile_all(tree: Tree) -> tuple[dict[str, bytes], list[str]]:
    """New .mo files by path, and a note for every .po that cannot be read."""
    made: dict[str, bytes] = {}
    notes: list[str] = []
    for path in sorted(tree.paths):
        target = f"{path[:-3]}.mo"
        if "/LC_MESSAGES/" in f"/{path}" and path.endswith(".po") and target not in tree.paths:
            try:
                made[target] = compile_one(tree.project / path)
            except (ValueError, SyntaxError, KeyError) as error:
                notes.append(f"{path}: not compiled ({error}), its language falls back")
    return made, notes


def compile_one(file: Path) -> bytes:
    messages = [message for message in parse(file.read_text(encoding="utf-8")) if message.value]
    wanted = {message.key: message.value for message in messages if not message.fuzzy or not message.key}
    return pack(sorted(wanted.items()))


def parse(text: str) -> list[Message]:
    messages, current, name = [], Message(), ""
    for line in map(str.strip, text.splitlines()):
        keyword, _, rest = line.partition(" ")
        again = keyword in ("msgctxt", "msgid") and "msgid" in current.parts
        if again or (line.startswith("#") and "msgstr" in name):
            messages.append(current)
            current, name = Message(), ""
        if line.startswith("#,"):
            current.fuzzy = "fuzzy" in line
        elif line and not line.startswith("#"):
            name = add(message=current, name=name, keyword=keyword, line=line, rest=rest)
    return [*messages, current] if current.parts else messages


def add(*, message: Message, name: str, keyword: str, line: str, rest: str) -> str:
    """Take one line of an entry; gives the keyword that a following bare string continues."""
    if line.startswith('"'):
        keyword, rest = name, line
    elif not keyword.startswith("msg"):
        raise ValueError(f"unknown line {line[:40]!r}")
    text = ast.literal_eval(rest)
    if keyword == "msgctxt":
        message.context = (message.context or "") + text
    else:
        message.parts[keyword] = message.parts.get(keyword, "") + text
    return keyword


def pack(messages: list[tuple[bytes, bytes]]) -> bytes:
    """The binary catalogue gettext reads: header, two tables of (length, offset), strings."""
    count = len(messages)
    offset = 28 + 16 * count
    tables: list[bytes] = []
    strings = b""
    for column in (0, 1):
        for message in messages:
            tables.append(struct.pack("<II", len(message[column]), offset + len(strings)))
            strings += message[column] + b"\0"
    head = struct.pack("<7I", MAGIC, 0, count, 28, 28 + 8 * count, 0, offset)
    return head + b"".join(tables) + strings
