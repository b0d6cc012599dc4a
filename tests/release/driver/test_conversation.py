"""The line to one agent: opened beside the upload, and anew where that took its time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from release.driver import conversation
from release.driver.conversation import Conversation, ServerFailure
from release.driver.documents import Wanted
from release.driver.session import Ended, Session
from release.ssh import Login, Server

LOGIN = cast(Login, SimpleNamespace())


class Line:
    """A session that ends after the document."""

    def __init__(self, *, alive: bool = True) -> None:
        self.alive = alive
        self.done: list[Any] = []

    def send(self, message: Any) -> None:
        self.done.append(message)

    def receive(self, *, limit: float) -> dict[str, Any]:
        raise Ended("closed", code=0)

    def hang_up(self) -> None:
        self.done.append("hung up")

    def end(self) -> None:
        self.done.append("ended")


def talking(monkeypatch: pytest.MonkeyPatch, *lines: Line | Ended, fresh: float = 30.0) -> Conversation:
    """One whose connections come out like this, one after the other."""
    coming = iter(lines)

    def connect(*_: Any, **__: Any) -> Session:
        line = next(coming)
        if isinstance(line, Ended):
            raise line
        return cast(Session, line)

    monkeypatch.setattr(conversation, "connect", connect)
    monkeypatch.setattr(conversation, "FRESH", fresh)
    wanted = cast(Wanted, SimpleNamespace(limits=SimpleNamespace(connect=1, drain=1), drain=1))
    return Conversation(server=Server("web-1", "192.0.2.1", "ssh-ed25519 AAAA"), wanted=wanted)


def dialled(talk: Conversation) -> Conversation:
    with ThreadPoolExecutor() as threads:
        talk.dial(LOGIN, beside=threads)
    return talk


def used(talk: Conversation) -> Any:
    return talk._session


def test_a_session_that_was_opened_beside_the_upload_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    talk = dialled(talking(monkeypatch, line))
    talk._answered(LOGIN)
    assert (used(talk), line.done) == (line, [])


@pytest.mark.parametrize(("alive", "fresh"), [(False, 30.0), (True, 0.0)])
def test_one_that_has_gone_or_waited_for_long_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch, alive: bool, fresh: float
) -> None:
    first, second = Line(alive=alive), Line()
    talk = dialled(talking(monkeypatch, first, second, fresh=fresh))
    talk._answered(LOGIN)
    assert (used(talk), first.done) == (second, ["ended"])


def test_a_machine_that_was_down_when_a_long_upload_began_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    talk = dialled(talking(monkeypatch, Ended("connection refused", code=255), line, fresh=0.0))
    talk._answered(LOGIN)
    assert used(talk) is line


def test_one_out_of_reach_a_moment_ago_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = dialled(talking(monkeypatch, Ended("connection refused", code=255)))
    with pytest.raises(ServerFailure, match=r"ssh 192\.0\.2\.1: connection refused"):
        talk._answered(LOGIN)


def test_a_line_that_opens_after_all_was_given_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    talk = talking(monkeypatch, line)
    talk.given_up.set()
    dialled(talk)
    assert line.done == ["hung up"]


def test_a_release_that_stands_is_taken_up_though_it_was_to_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that came while the servers committed: the release stands, and so does what an agent has left undone."""
    line = Line()
    talk = talking(monkeypatch, line)
    talk.given_up.set()
    talk.take_up(login=LOGIN, document={"release": "a"})
    assert line.done == [{"release": "a"}]
