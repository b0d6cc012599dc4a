"""Dumps of a database that the cloud keeps: a web server is told what to dump, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.driver.documents import reading
from release.driver.question import ask
from release.ssh import Login, Server

__all__ = ["Dumping", "arrange"]

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
        verb = ["backup", "arrange"]
        answer = ask(server, dumping.document, login=login, verb=verb, word="ok", limit=LIMIT, way_out=WAY_OUT)
    return {"server": server.name, "changed": answer.get("changed", []), "notes": []}
