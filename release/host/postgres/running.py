"""Commands as the database's own system user, and questions to the cluster over its socket."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..agent.failure import Failure
from ..agent.machine import Done, Machine
from .place import PORT, SOCKETS

__all__ = ["OWNER", "as_owner", "ask", "sql"]

OWNER = "postgres"


def as_owner(
    machine: Machine,
    argv: Sequence[str],
    *,
    check: bool = True,
    input: str | None = None,
    env: Mapping[str, str] | None = None,
    limit: float | None = 600,
) -> Done:
    """Run a command as the user postgres, which root may become and a unit of ours is already."""
    # setpriv rather than runuser: no session is opened, which a unit's sandbox would refuse
    become = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups", "--"]
    own = [*become, *argv] if os.geteuid() == 0 else list(argv)
    return machine.run(own, check=check, input=input, env=env, limit=limit)


def sql(
    machine: Machine,
    statements: str,
    *,
    database: str = "postgres",
    check: bool = True,
    sockets: str = SOCKETS,
    limit: float = 120,
) -> Done:
    """Statements on psql's stdin, so that no password is on a command line, as the superuser over the socket."""
    argv = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-"]
    where = {"PGHOST": sockets, "PGPORT": str(PORT), "PGDATABASE": database, "PGUSER": OWNER, "PGAPPNAME": "slipway"}
    done = as_owner(machine, argv, check=False, input=statements, env=where, limit=limit)
    if check and done.code:
        raise Failure(f"postgres: {(done.err.strip().splitlines() or ['psql said nothing'])[-1]}", detail=done.lines)
    return done


def ask(machine: Machine, question: str, *, database: str = "postgres") -> str:
    """One question's answer as text."""
    return sql(machine, question, database=database).out.strip()
