"""In front of Django: what runs here, and, for the gate alone, whether it is ready. No setting of the project's own is
needed for it, and none can take it away."""

import json
import logging
import os
import sys
from typing import Any

RELEASE, READY = "/_slipway/release", "/_slipway/ready"
HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
HERE = "127.0.0.1"


class Edge:
    """The answers to slipway's own paths."""

    def __init__(self) -> None:
        self.migrated = False
        make_errors_visible()

    def answer(self, *, path: str, visitor: str) -> tuple[int, bytes]:
        """Status and body."""
        if path == RELEASE:
            return answer(200, release())
        return self.ready() if visitor == HERE else answer(404, {})

    def ready(self) -> tuple[int, bytes]:
        from django.db import close_old_connections  # type: ignore[import-not-found,unused-ignore]

        close_old_connections()  # what Django does at the beginning and the end of each of its own requests
        try:
            reason = self.unready()
        except Exception as error:
            logging.getLogger("django.request").error("not ready: %s", error)
            reason = f"database: {type(error).__name__}"
        close_old_connections()
        return answer(503 if reason else 200, {"ready": not reason, "reason": reason})

    def unready(self) -> str:
        from django.db import connection  # type: ignore[import-not-found,unused-ignore]

        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        plan = [] if self.migrated else migrations(connection)
        self.migrated = not plan
        return f"{len(plan)} migrations are not applied, the next is {plan[0][0]}" if plan else ""


def migrations(connection: Any) -> list[Any]:
    """Those that are not applied."""
    from django.db.migrations.executor import MigrationExecutor  # type: ignore[import-not-found,unused-ignore]

    executor = MigrationExecutor(connection)
    return list(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def visitor(forwarded: str | None) -> str:
    """Who asks: Caddy names the visitor, last, in X-Forwarded-For; without it this machine itself asks."""
    return HERE if forwarded is None else forwarded.rpartition(",")[2].strip()


def release() -> dict[str, str]:
    return {name: os.environ.get(f"SLIPWAY_{name.upper()}", "") for name in ("artifact", "release", "environment")}


def answer(status: int, body: dict[str, Any]) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()


def make_errors_visible() -> None:
    """An unhandled exception reaches stderr, whatever LOGGING of the project leaves out."""
    logger = logging.getLogger("django.request")
    if not any(writes(handler) for handler in handlers(logger)):
        handler = logging.StreamHandler()
        handler.setLevel(logging.ERROR)
        logger.addHandler(handler)


def writes(handler: logging.Handler) -> bool:
    conditional = any("Debug" in type(condition).__name__ for condition in handler.filters)
    stream = getattr(handler, "stream", None)
    return stream in (sys.stderr, sys.stdout) and handler.level <= logging.ERROR and not conditional


def handlers(logger: logging.Logger) -> list[logging.Handler]:
    found: list[logging.Handler] = []
    current: logging.Logger | None = logger
    while current:
        found += current.handlers
        current = current.parent if current.propagate else None
    return found
