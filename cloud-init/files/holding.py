"""What a machine answers until its first release, and in a maintenance window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("holding.html").read_bytes()
HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Length", str(len(PAGE))),
    ("Cache-Control", "no-store"),
    ("Retry-After", "10"),
]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("503 Service Unavailable", HEADERS)
    return [PAGE]
