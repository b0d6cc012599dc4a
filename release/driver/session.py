"""One SSH session to one server's agent: JSON objects, one a line, in both directions."""

from __future__ import annotations

import hashlib
import json
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from release.ssh import Login, Server, quoted

__all__ = ["Ended", "Session", "Silence", "connect"]

Message = dict[str, Any]
# Said by ssh itself before it reaches the other side; asking again changes nothing.
FINAL = ("Host key verification failed", "Permission denied", "Could not resolve hostname", "invalid format", "Bad ")
FIRST_WORD = 45.0  # seconds from starting ssh to the first line of the other side


class Ended(Exception):
    """The other side is gone; the text says what it or ssh said last."""

    def __init__(self, text: str, *, code: int | None) -> None:
        super().__init__(text)
        self.code = code


class Silence(Exception):
    """The other side said nothing within the limit."""


class Session:
    """A running ssh, its lines read as they come."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.strange: list[str] = []
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the session
        # A session of its own: Ctrl-C in a terminal is for the driver, which ends its sessions in order.
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, start_new_session=True
        )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, message: Mapping[str, Any] | bytes) -> None:
        """Send one JSON line, or bytes as they are."""
        data = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode() + b"\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError):
            return  # what the other side said before it went is still to be read

    def receive(self, *, limit: float) -> Message:
        """The next message; raises Ended or Silence."""
        end = time.monotonic() + limit
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Silence(f"said nothing for {limit:.0f} s") from None
            if line is None:
                self._lines.put(None)
                raise self._ended()
            message = _message(line)
            if message is not None:
                return message
            self.strange.append(line.decode(errors="replace").rstrip())

    @property
    def alive(self) -> bool:
        """Whether ssh has not ended; a line that was cut is noticed a minute later."""
        return self._process.poll() is None

    def hang_up(self) -> None:
        """Close our half: the agent reads the end of its stdin."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            return

    def end(self, *, limit: float = 5.0) -> None:
        """Leave nothing behind on this side."""
        self.hang_up()
        try:
            self._process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def _ended(self) -> Ended:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        self._stderr.seek(0)
        said = [*self.strange, *self._stderr.read().decode(errors="replace").splitlines()]
        return Ended(_in_short(said) or f"ended with code {code}", code=code)


def connect(
    server: Server,
    *,
    login: Login,
    verb: Sequence[str],
    limit: float,
    given_up: threading.Event | None = None,
    dial: int = 10,
) -> Session:
    """A session in which the agent runs `verb` and reads our stdin; a server that is not up yet is asked again."""
    command = quoted(["sh", "-c", _file("start.sh"), "slipway", *_digest_and_size(), _file("receive.py"), *verb])
    given_up = given_up or threading.Event()
    end, pause = time.monotonic() + limit, 0.2
    while True:
        session = _started(login.argv(server, command=command, dial=dial))
        try:
            return _greeted(session)
        except (Ended, Silence) as error:
            session.end(limit=0)
            if _final(error) or given_up.is_set() or time.monotonic() + pause > end:
                raise
        given_up.wait(pause)
        pause = min(2.0, pause * 1.5)


def _started(argv: Sequence[str]) -> Session:
    try:
        return Session(argv)
    except FileNotFoundError:
        raise Ended("ssh: is not on PATH, install the OpenSSH client", code=None) from None


def _greeted(session: Session) -> Session:
    if session.receive(limit=FIRST_WORD).get("agent") == "missing":
        session.send(_zipapp())
    return session


def _final(error: Exception) -> bool:
    """Whether ssh reached the server, or will never."""
    return isinstance(error, Ended) and (error.code != 255 or any(text in str(error) for text in FINAL))


def _in_short(said: Sequence[str]) -> str:
    """What ssh or the other side said last, in one line."""
    lines = [line.strip() for line in said if line.strip()]
    if any("Host key verification failed" in line for line in lines):
        return "Host key verification failed: it is not the machine this stack made, or somebody is in between"
    final = [line for line in lines if any(text in line for text in FINAL)]
    return " | ".join(final[-1:] or lines[-5:])


def _message(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


@cache
def _zipapp() -> bytes:
    from release.host import zipapp

    content: bytes = zipapp()
    return content


def _digest_and_size() -> tuple[str, str]:
    return hashlib.sha256(_zipapp()).hexdigest(), str(len(_zipapp()))


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text()
