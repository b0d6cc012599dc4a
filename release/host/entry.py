"""One file, delivered as a whole: the agent of the site's releases, and what keeps a Postgres and its backups."""

from __future__ import annotations

import sys

__all__ = ["main"]

POSTGRES = ("database", "backup")


def main() -> int:
    """Give the words of the command line to the one they are meant for."""
    if sys.argv[1:2] and sys.argv[1] in POSTGRES:
        from .postgres import cli as postgres

        return postgres.main(sys.argv[1:])
    from .agent import cli as agent

    return agent.main()
