"""The driver's side of a Postgres that is kept: one document out, steps and an answer back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from release.driver import database, question
from release.driver.database import Keeping, keep
from release.driver.failure import Failure
from release.driver.session import Ended, Silence

DOCUMENT: dict[str, Any] = {
    "server": {"name": "database", "host": "192.0.2.9", "host_key": "ssh-ed25519 AAAA"},
    "login_key": "the-login-key",
    "disk_gb": 20,
    **dict.fromkeys(database.FOR_THE_MACHINE, "x"),
}


class Paper:
    """A session whose other side says what it was made to."""

    def __init__(self, said: list[dict[str, Any] | Exception]) -> None:
        self._said: Iterator[dict[str, Any] | Exception] = iter(said)
        self.sent: list[Any] = []
        self.ended = False

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def receive(self, *, limit: float) -> dict[str, Any]:
        said = next(self._said)
        if isinstance(said, Exception):
            raise said
        return said

    def end(self) -> None:
        self.ended = True


def kept(monkeypatch: pytest.MonkeyPatch, *said: dict[str, Any] | Exception) -> tuple[Paper, dict[str, Any]]:
    session = Paper(list(said))
    monkeypatch.setattr(question, "connect", lambda *_, **__: session)
    return session, keep(Keeping.parse("database", DOCUMENT))


def test_the_machine_is_told_what_is_its_own_and_no_login_key(monkeypatch: pytest.MonkeyPatch) -> None:
    session, answer = kept(
        monkeypatch,
        {"phase": "disk", "seconds": 0.1},
        {"kept": True, "changed": ["made", "started"], "phases": {"disk": 0.1}},
    )
    assert sorted(session.sent[0]) == sorted((*database.FOR_THE_MACHINE, *database.IF_ANY))
    assert session.ended
    assert (answer["changed"], answer["notes"]) == (["made", "started"], ["database: made, started"])
    assert answer["seconds"]["disk"] == 0.1


def test_nothing_changed_is_nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(monkeypatch, {"kept": True, "changed": [], "phases": {}})[1]["notes"] == []


def test_a_step_that_fails_is_told_with_what_the_machine_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure) as failed:
        kept(monkeypatch, {"error": "disk: should hold a Postgres 17 (got 16)", "detail": ["more"]})
    assert failed.value.cause == "database: disk: should hold a Postgres 17 (got 16)"
    assert failed.value.lines == (database.WAY_OUT, "  more")


@pytest.mark.parametrize("end", [Ended("Connection reset", code=255), Silence("said nothing for 1800 s")])
def test_a_session_that_ends_names_the_step(monkeypatch: pytest.MonkeyPatch, end: Exception) -> None:
    with pytest.raises(Failure, match=f"database: after the step start: {end}"):
        kept(monkeypatch, {"phase": "start", "seconds": 1}, end)


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(Failure, match="document on stdin: backup: is required"):
        Keeping.parse("database", {key: value for key, value in DOCUMENT.items() if key != "backup"})


def test_a_failure_shows_no_secret() -> None:
    document = {**DOCUMENT, "backup": {"cipher": "the-repositorys-cipher"}, "server": "the-repositorys-cipher"}
    argv = [sys.executable, "-m", "release.driver", "database", "database"]
    done = subprocess.run(argv, input=json.dumps(document), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("database: document on stdin: is not one of the verb database")
    assert "the-repositorys-cipher" not in done.stderr
