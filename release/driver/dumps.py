"""Dumps of a database that the cloud keeps: a web server is told what to dump, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.driver.documents import reading
from release.driver.failure import Failure
from release.driver.session import Ended, Silence, connect
from release.ssh import Login, Server

__all__ = ["Dumping", "arrange"]

CONNECT_LIMIT = 120.0
LIMIT = 120.0
FOR_THE_MACHINE = ("site", "database", "bucket", "notify")
WAY_OUT = "way out: correct the cause and run pulumi up again"


@dataclass(frozen=True)
class Dumping:
    """The server that dumps, and its document."""

    server: Server
    login_key: str = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, name: str, document: Mapping[str, Any]) -> Dumping:
        """Read the document of the verb `dumps`; `name` is the database's, and only for people."""
        with reading("dumps"):
            return cls(
                server=Server.parse(document["server"]),
                login_key=document["login_key"],
                document={key: document[key] for key in FOR_THE_MACHINE},
            )


def arrange(dumping: Dumping) -> dict[str, Any]:
    """Have it dumped every week; what was changed there."""
    server = dumping.server
    with Login(key=dumping.login_key, servers=[server]) as login:
        try:
            session = connect(server, login=login, verb=["backup", "arrange"], limit=CONNECT_LIMIT)
            try:
                session.send(dumping.document)
                answer = session.receive(limit=LIMIT)
            finally:
                session.end()
        except (Ended, Silence) as error:
            raise Failure(f"{server.name}: ssh {server.host}: {error}", lines=[WAY_OUT]) from None
    if not answer.get("ok"):
        raise Failure(f"{server.name}: {answer.get('error')}", lines=[WAY_OUT])
    return {"server": server.name, "changed": answer.get("changed", []), "notes": []}
