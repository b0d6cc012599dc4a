"""The Postgres that slipway keeps on a machine: one conversation with the tool there, whose steps are its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.driver.documents import reading
from release.driver.failure import Failure
from release.driver.session import Ended, Message, Session, Silence, connect
from release.ssh import Login, Server

__all__ = ["Keeping", "keep"]

CONNECT_LIMIT = 120.0
STEP_LIMIT = 1800.0  # a large database replays what it wrote before it was killed
FOR_THE_MACHINE = (
    *("site", "address", "device", "database", "user", "admin", "authority", "certificate", "private_key", "backup"),
    "extensions",
)
IF_ANY = ("former", "owner", "notify")
WAY_OUT = "way out: correct the cause and run pulumi up again; what is on the disk is left as it is"


@dataclass(frozen=True)
class Keeping:
    """A database server, and what it is to keep."""

    server: Server
    login_key: str = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, name: str, document: Mapping[str, Any]) -> Keeping:
        """Read the document of the verb `database`; `name` is the database's, and only for people."""
        with reading("database"):
            return cls(
                server=Server.parse(document["server"]),
                login_key=document["login_key"],
                document={
                    **{key: document[key] for key in FOR_THE_MACHINE},
                    **{key: document.get(key) or "" for key in IF_ANY},
                },
            )


def keep(keeping: Keeping) -> dict[str, Any]:
    """Have the machine's Postgres as the document says; what was changed, and the seconds of each step."""
    start = time.monotonic()
    with Login(key=keeping.login_key, servers=[keeping.server]) as login:
        try:
            session = connect(keeping.server, login=login, verb=["database"], limit=CONNECT_LIMIT)
        except (Ended, Silence) as error:
            raise Failure(f"{keeping.server.name}: ssh {keeping.server.host}: {error}", lines=[WAY_OUT]) from None
        try:
            session.send(keeping.document)
            answer = _answer(session, server=keeping.server)
        finally:
            session.end()
    seconds = {**answer.get("phases", {}), "all": round(time.monotonic() - start, 2)}
    changed = list(answer.get("changed", ()))
    notes = [f"{keeping.server.name}: {', '.join(changed)}"] if changed else []
    return {"server": keeping.server.name, "changed": changed, "seconds": seconds, "notes": notes}


def _answer(session: Session, *, server: Server) -> Message:
    step = ""
    try:
        while True:
            message = session.receive(limit=STEP_LIMIT)
            if "error" in message:
                lines = [f"  {line}" for line in message.get("detail", ())]
                raise Failure(f"{server.name}: {message['error']}", lines=[WAY_OUT, *lines])
            if "kept" in message:
                return message
            step = f"after the step {message['phase']}: " if "phase" in message else step
    except (Ended, Silence) as error:
        raise Failure(f"{server.name}: {step}{error}", lines=[WAY_OUT]) from None
