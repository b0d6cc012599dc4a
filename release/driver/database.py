"""The Postgres that slipway keeps on a machine: one question to the tool there, whose steps are its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.driver.documents import reading
from release.driver.question import ask
from release.ssh import Login, Server

__all__ = ["Keeping", "keep"]

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
        answer = ask(
            keeping.server,
            keeping.document,
            login=login,
            verb=["database"],
            word="kept",
            limit=STEP_LIMIT,
            way_out=WAY_OUT,
        )
    seconds = {**answer.get("phases", {}), "all": round(time.monotonic() - start, 2)}
    changed = list(answer.get("changed", ()))
    notes = [f"{keeping.server.name}: {', '.join(changed)}"] if changed else []
    return {"server": keeping.server.name, "changed": changed, "seconds": seconds, "notes": notes}
