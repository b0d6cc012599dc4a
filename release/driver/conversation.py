"""What one server's agent is told, and what it answers, in the course of a release."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from release.driver.documents import Wanted
from release.driver.session import Ended, Session, Silence, connect
from release.ssh import Login, Server

if TYPE_CHECKING:
    from release.driver.inheritance import Inheritance

__all__ = ["Conversation", "Pieces", "ServerFailure", "State"]

# of the layers a server needs, with the layers it has: base (a layer, or "" for a whole one) and url of each piece
Pieces = Callable[[Collection[str], Collection[str]], Mapping[str, Sequence[Mapping[str, str]]]]
State = Literal["unreached", "working", "ready", "flipping", "flipped", "committing", "committed", "rested", "lost"]
FACTS = ("serves", "ahead", "held", "reverted", "aborted", "damaged")
FRESH = 30.0  # seconds a session waits for its document: an agent waits for a minute
WORK_LIMIT = 3600.0  # the agent's own limits end it sooner; this only ends a driver whose agent hangs
STOP_LIMIT = 110.0  # a slot has 80 s to stop: it answers what visitors have asked
DRAIN_MARGIN = 50.0  # beyond what its workers have


class ServerFailure(Exception):
    """What went wrong at one server, in one line."""

    def __init__(self, cause: str, *, conversation: Conversation) -> None:
        super().__init__(cause)
        self.conversation = conversation


@dataclass
class Conversation:
    """The release on one server, from the driver's side; `state` is what the agent has said last."""

    server: Server
    wanted: Wanted
    state: State = "unreached"
    slot: str = ""
    detail: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    migrated: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)  # what the agent tells of it at its end
    began: float = 0.0  # when it was told what to do
    fetched: int = 0  # layers it did not have
    new: bool = False  # no visitor has ever come to this machine
    secured: list[str] = field(default_factory=list)  # hosts it answers over HTTPS
    store: str = field(default="", repr=False)  # its certificates, when it has committed
    given_up: threading.Event = field(default_factory=threading.Event)
    _given_up_at: float = 0.0
    _dialling: Future[None] | None = None
    _dialled_at: float = 0.0
    _session: Session | None = None

    def dial(self, login: Login, *, beside: Executor) -> None:
        """Begin to connect; `prepare` waits for it, and connects itself where nothing came of it."""
        self._dialled_at = time.monotonic()
        self._dialling = beside.submit(self._dial, login)

    def prepare(self, *, login: Login, document: Mapping[str, Any], pieces: Pieces, inheritance: Inheritance) -> None:
        """Up to the passed gate; a server that already runs and has committed this release is at rest at once."""
        self._answered(login)
        if self.given_up.is_set():
            raise self._fail("given up before it began")
        self.state, self.began = "working", time.monotonic()
        self.session.send(document)
        for message in self._until("ready", "done", limit=WORK_LIMIT):
            if "need" in message:
                self.new, self.fetched = not message.get("arrived", True), max(self.fetched, len(message["need"]))
                if self.new:
                    inheritance.look(login=login)
                self.session.send({"pieces": dict(pieces(message["need"], message.get("here", ())))})
            if message.get("want") == "rest":
                self.session.send({"notes": self._rested(inheritance)})
            if message.get("want") == "predecessor":
                self.session.send({"predecessor": inheritance.stands()})
            if message.get("want") == "certificates":
                self.session.send({"certificates": inheritance.certificates()})
        if self.state == "working":
            self.state = "ready"

    def flip(self) -> None:
        """Provisionally: the agent flips back unless it is told to commit in time."""
        if self.state != "ready":
            return
        self.state = "flipping"
        self.session.send({"go": "flip"})
        self._all(self._until("flipped", limit=self.wanted.limits.commit))
        self.state = "flipped"

    def commit(self) -> None:
        """From here on this release is what the server runs."""
        if self.state != "flipped":
            return
        self.state = "committing"
        self.session.send({"go": "commit"})
        self._all(self._until("committed", "done", limit=self.wanted.limits.commit))
        if self.state == "committing":
            self.state = "committed"

    def finish(self) -> None:
        """Let the agent drain and tidy; the release stands already, so trouble here is only a note."""
        try:
            if self.state == "committed":
                self._all(self._until("done", limit=self.wanted.limits.drain + self._stop_limit))
        except ServerFailure as failure:
            self._note(failure)

    def take_up(self, *, login: Login, document: Mapping[str, Any]) -> None:
        """Have another agent do what the one that was killed after its commit has left undone."""
        self.end()
        try:
            self._connect(login)
            self.session.send(document)
            for message in self._until("need", "done", limit=self._stop_limit):
                if "need" in message:  # it would release: this server runs something else by now
                    self.session.hang_up()
        except ServerFailure as failure:
            self._note(failure)

    def withdraw(self) -> None:
        """Tell the agent that nothing comes of it; what it answers is read by `last_word`."""
        self._given_up_at = time.monotonic()
        self.given_up.set()
        if self._session is not None and self.state not in ("committing", "committed", "rested"):
            self._session.send({"go": "abort"})
            self._session.hang_up()

    def last_word(self, *, limit: float | None = None) -> None:
        """Wait until the agent has said that it is where it was, and has gone."""
        limit = self._stop_limit + 10 if limit is None else limit
        if self._session is None or self.state in ("unreached", "lost", "committed", "rested"):
            return
        end = time.monotonic() + limit
        try:
            while True:
                self._take(self._session.receive(limit=max(0.1, end - time.monotonic())))
        except Ended:
            return
        except Silence:
            self.state = "lost"

    def check(self) -> None:
        """Raise, without waiting, when the agent of a flipped server has said that something went wrong."""
        if self.given_up.is_set():
            raise self._fail("given up")
        if self.state != "flipped":
            return
        try:
            self._heed(self.session.receive(limit=0))
        except Silence:
            return
        except Ended as ended:
            raise self._gone(ended) from None

    def end(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.end()

    @property
    def session(self) -> Session:
        """The session; there is one from `prepare` on."""
        assert self._session is not None
        return self._session

    @property
    def _stop_limit(self) -> float:
        return max(STOP_LIMIT, self.wanted.drain + DRAIN_MARGIN)

    def _note(self, failure: ServerFailure) -> None:
        self.notes.append(f"{self.server.name}: released, but tidying up: {failure}")

    def _rested(self, inheritance: Inheritance) -> list[str]:
        try:
            return inheritance.rest()
        except (Ended, Silence) as error:
            raise self._fail(f"database: the machine before does not stop writing ({error}), run pulumi up") from None

    def _connect(self, login: Login) -> None:
        limit = self.wanted.limits.connect
        try:
            with self._timed("connect"):
                self._session = connect(self.server, login=login, verb=["release"], limit=limit, given_up=self.given_up)
        except (Ended, Silence) as error:
            raise self._fail(f"ssh {self.server.host}: {error}") from None

    def _dial(self, login: Login) -> None:
        self._connect(login)
        if self.given_up.is_set():
            self.session.hang_up()

    def _answered(self, login: Login) -> None:
        """A session; anew when the upload took its time: the line may have been cut, the machine be up only now."""
        assert self._dialling is not None
        fresh = time.monotonic() - self._dialled_at < FRESH
        try:
            self._dialling.result()
            fresh = fresh and self.session.alive
        except ServerFailure:
            if fresh:
                raise
        if not fresh:
            self.end()
            self._connect(login)

    def _until(self, *words: str, limit: float) -> Iterator[Mapping[str, Any]]:
        """Every message up to one that has one of these words."""
        end = time.monotonic() + limit
        while True:
            try:
                message = self._next(end)
            except Silence:
                raise self._fail(f"agent: said neither {' nor '.join(words)} nor an error for {limit:.0f} s") from None
            except Ended as ended:
                raise self._gone(ended) from None
            self._heed(message)
            yield message
            if any(word in message for word in words):
                return

    def _next(self, end: float) -> Mapping[str, Any]:
        """The next message until `end`, and no longer than a moment after the release has been given up."""
        while True:
            try:
                return self.session.receive(limit=min(0.5, max(0.0, end - time.monotonic())))
            except Silence:
                if self.given_up.is_set():
                    end = min(end, self._given_up_at + self._stop_limit + 10)
                if time.monotonic() >= end:
                    raise

    def _heed(self, message: Mapping[str, Any]) -> None:
        self._take(message)
        if "error" in message:
            raise self._fail(str(message["error"]))

    def _take(self, message: Mapping[str, Any]) -> None:
        """Keep what a message tells."""
        if "phase" in message:
            self.phases[str(message["phase"])] = float(message.get("seconds", 0))
        self.phases.update(message.get("phases", {}))
        self.slot = str(message.get("slot") or self.slot)
        self.migrated.extend(each for each in message.get("migrated", ()) if each not in self.migrated)
        self.notes.extend(each for each in message.get("notes", ()) if each not in self.notes)
        self.detail.extend(message.get("detail", ()))
        self.secured = list(message.get("secured", self.secured))
        self.record = dict(message.get("record", self.record))
        self.store = str(message.get("certificates", self.store))
        self.facts.update({key: message[key] for key in FACTS if key in message})
        if "done" in message:
            self.state = "rested"

    def _gone(self, ended: Ended) -> ServerFailure:
        self.state = self.state if self.state in ("committing", "committed") else "lost"
        return self._fail(f"agent: the session ended ({ended})")

    def _fail(self, cause: str) -> ServerFailure:
        return ServerFailure(cause, conversation=self)

    def _timed(self, phase: str) -> _Timed:
        return _Timed(self.phases, phase)

    @staticmethod
    def _all(messages: Iterator[Mapping[str, Any]]) -> None:
        for _ in messages:
            pass


class _Timed:
    """Writes how long the block took under the phase's name."""

    def __init__(self, phases: dict[str, float], name: str) -> None:
        self._phases, self._name = phases, name

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *left: object) -> None:
        self._phases[self._name] = round(time.monotonic() - self._start, 2)
