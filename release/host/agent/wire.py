"""The line protocol with the driver: one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import threading
from collections.abc import Mapping
from io import RawIOBase
from typing import Any, BinaryIO

from .failure import Failure, Gone
from .masking import masked

__all__ = ["Wire"]

IN_WORDS = ("error", "detail", "notes")  # what a person reads; the rest are names and digests


class Wire:
    """Reads ahead in a thread, so that the end of the driver is seen while work goes on; `incoming` is unbuffered."""

    def __init__(self, incoming: RawIOBase, outgoing: BinaryIO) -> None:
        self._outgoing = outgoing
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._gone = threading.Event()
        self.ended = threading.Event()
        self.hidden: re.Pattern[str] | None = None
        threading.Thread(target=self._read, args=(incoming,), daemon=True).start()

    def send(self, message: Mapping[str, Any]) -> None:
        """Say one thing; a driver that is gone is noticed by `heed`."""
        words = {key: masked(message[key], self.hidden) for key in IN_WORDS if key in message}
        try:
            self._outgoing.write(json.dumps({**message, **words}, separators=(",", ":")).encode() + b"\n")
            self._outgoing.flush()
        except (OSError, ValueError):
            self._gone.set()

    def receive(self, *, limit: float | None = None) -> dict[str, Any]:
        """The next message; Gone when there is none to come, or not in time."""
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            raise Gone(f"the driver said nothing for {limit:.0f} s") from None
        if not line:
            self._lines.put(b"")
            raise Gone("the driver hung up")
        message = _message(line)
        if message.get("go") == "abort":
            raise Gone("the driver said stop")
        return message

    def heed(self) -> None:
        """Raise Gone when the driver has gone or said stop; what else it has said is kept."""
        with self._lines.mutex:
            waiting = list(self._lines.queue)
        if self._gone.is_set() or any(not line or _message(line).get("go") == "abort" for line in waiting):
            raise Gone("the driver hung up or said stop")

    def expect(self, word: str, *, limit: float | None = None) -> None:
        """Wait for {"go": word}."""
        message = self.receive(limit=limit)
        if message.get("go") != word:
            raise Failure(f'driver: should say {{"go": "{word}"}} (got {json.dumps(message)[:80]})')

    def close(self) -> None:
        """Nothing more is said."""
        with contextlib.suppress(OSError):
            self._outgoing.close()

    def _read(self, incoming: RawIOBase) -> None:
        rest = b""
        with incoming:
            while piece := incoming.read(1 << 16):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        self._lines.put(line)
        self._lines.put(b"")
        self.ended.set()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        raise Failure(f"driver: should send one JSON object a line (got {line[:40]!r})") from None
    if not isinstance(message, dict):
        raise Failure(f"driver: should send one JSON object a line (got {line[:40]!r})")
    return message
