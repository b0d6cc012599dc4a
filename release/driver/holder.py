"""A machine that serves the site: the certificates it holds, and its leave when its successor is ready."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

from release.driver.session import Ended, Message, Session, Silence, connect
from release.ssh import Login, Server

__all__ = ["Holder"]

DIAL = 5  # seconds: an address that nobody has may swallow what is sent to it
GREETING = 20.0
LEAVING = 20.0
DRAIN_MARGIN = 10.0  # an agent, of an older version maybe, has the last word on its own seconds
RESTING = 150.0  # a site that is told to stop ends what it has begun


class Holder:
    """Known by its keys alone, which stay the same across generations; at the address of a first release is none."""

    def __init__(self, *, server: Server, address: str, site: str, drain: float) -> None:
        """`drain` is the seconds its workers, and jobs after them, may take to end what they have begun."""
        self._drain = drain
        self._server = replace(server, host=address)
        self._site = site
        self._session: Session | None = None
        self._rests = False
        self.store = b""  # its certificates, as a tar

    def greet(self, *, login: Login) -> bool:
        """Whether there is one that visitors have come to; it stays on the line."""
        try:
            self._session = connect(self._server, login=login, verb=["hand-over"], limit=0, dial=DIAL)
            self._session.send({"site": self._site})
            said = self._receive("arrived", limit=GREETING)
        except (Ended, Silence, RuntimeError):  # RuntimeError: the login is closed, the release has ended before us
            said = {}
        if not said.get("arrived"):
            self.end()
            return False
        self.store = b64decode(said.get("certificates", ""))
        return True

    @property
    def on_the_line(self) -> bool:
        """Whether it was greeted and has not gone."""
        return self._session is not None

    def rest(self) -> None:
        """Let it write nothing more to its database; it begins again by itself when we go without another word."""
        assert self._session is not None
        self._session.send({"go": "rest"})
        self._receive("rested", limit=RESTING + self._drain)
        self._rests = True

    def seal(self) -> None:
        """The successor is about to be committed: one that rests stays so, whatever becomes of us."""
        if self._session is not None and self._rests:
            self._session.send({"go": "seal"})
            self._receive("sealed", limit=LEAVING)

    def leave(self) -> list[str]:
        """End its connections in order and let new ones wait for its successor; what there is to say about it."""
        if self._session is None:
            return []
        try:
            self._session.send({"go": "leave"})
            self._receive("left", limit=LEAVING + DRAIN_MARGIN + self._drain)
            return []
        except (Ended, Silence) as error:
            return [f"{self._server.name}: the machine before did not leave in order: {error}"]

    def end(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.end(limit=1)
            self._session = None

    def _receive(self, word: str, *, limit: float) -> Message:
        assert self._session is not None
        while True:
            message = self._session.receive(limit=limit)
            if "error" in message:
                raise Ended(str(message["error"]), code=None)
            if word in message:
                return message
