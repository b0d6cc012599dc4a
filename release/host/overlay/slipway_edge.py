"""The first middleware: who the client is, what runs here, and, for the gate alone, whether it is ready."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from django.db import connection  # type: ignore[import-not-found,unused-ignore]
from django.db.migrations.executor import MigrationExecutor  # type: ignore[import-not-found,unused-ignore]
from django.http import JsonResponse  # type: ignore[import-not-found,unused-ignore]

Respond = Callable[[Any], Any]


class Edge:
    """Answers /_slipway/release and /_slipway/ready; passes everything else on."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.migrated = False
        make_errors_visible()

    def __call__(self, request: Any) -> Any:
        # Behind a unix socket there is no peer address; Caddy is the only writer of this header.
        if not request.META.get("REMOTE_ADDR"):
            request.META["REMOTE_ADDR"] = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip()
        if request.path_info == "/_slipway/release":
            return answer(200, release())
        if request.path_info == "/_slipway/ready":
            return self.ready() if is_gate(request) else answer(404, {})
        return self.get_response(request)

    def ready(self) -> Any:
        try:
            reason = self.unready()
        except Exception as error:
            logging.getLogger("django.request").error("not ready: %s", error)
            reason = f"database: {type(error).__name__}"
        return answer(503 if reason else 200, {"ready": not reason, "reason": reason})

    def unready(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not self.migrated:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                return f"{len(plan)} migrations are not applied, the next is {plan[0][0]}"
            self.migrated = True
        return ""


def is_gate(request: Any) -> bool:
    """Whether this machine itself asks: Caddy names the visitor, last, in this header."""
    visitor: str = request.META.get("HTTP_X_FORWARDED_FOR", "127.0.0.1").split(",")[-1]
    return visitor.strip() == "127.0.0.1"


def release() -> dict[str, str]:
    return {name: os.environ.get(f"SLIPWAY_{name.upper()}", "") for name in ("artifact", "release", "environment")}


def answer(status: int, body: dict[str, Any]) -> Any:
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


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
