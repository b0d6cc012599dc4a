"""One question to the agent of one server, and its answer; whatever else comes of it is a Failure with its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from release.driver.failure import Failure
from release.driver.session import Ended, Message, Session, Silence, connect
from release.ssh import Login, Server

__all__ = ["ask"]

CONNECT_LIMIT = 120.0


def ask(
    server: Server,
    document: Mapping[str, Any],
    *,
    login: Login,
    verb: Sequence[str],
    word: str,
    limit: float,
    way_out: str,
) -> Message:
    """Have the agent do this; the message that has the word. It may be silent for `limit` seconds at a time."""
    try:
        session = connect(server, login=login, verb=verb, limit=CONNECT_LIMIT)
    except (Ended, Silence) as error:
        raise Failure(f"{server.name}: ssh {server.host}: {error}", lines=[way_out]) from None
    try:
        session.send(document)
        return _answer(session, server=server, word=word, limit=limit, way_out=way_out)
    finally:
        session.end()


def _answer(session: Session, *, server: Server, word: str, limit: float, way_out: str) -> Message:
    step = ""
    try:
        while True:
            message = session.receive(limit=limit)
            if "error" in message:
                detail = [f"  {line}" for line in message.get("detail", ())]
                raise Failure(f"{server.name}: {message['error']}", lines=[way_out, *detail])
            if word in message:
                return message
            step = f"after the step {message['phase']}: " if "phase" in message else step
    except (Ended, Silence) as error:
        raise Failure(f"{server.name}: {step or 'agent: '}{error}", lines=[way_out]) from None
