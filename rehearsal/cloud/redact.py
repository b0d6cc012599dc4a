"""Bodies as they may be written down: nothing in them opens anything."""

from __future__ import annotations

import json
import re
from typing import Any

SECRET = re.compile(r"password|secret|private_key|user_data|token|^uri$|access_cert", re.IGNORECASE)
HIDDEN = "redacted"
LIMIT = 16_000


def redact(raw: bytes) -> Any:
    """Give a JSON body without its secrets; anything else only as its size."""
    if not raw:
        return None
    if len(raw) > 20 * LIMIT:
        return f"{len(raw)} bytes"
    try:
        clean = hide(json.loads(raw))
    except ValueError:
        return f"{len(raw)} bytes, not JSON"
    return clean if len(raw) <= LIMIT else f"{json.dumps(clean)[:LIMIT]}…"


def hide(value: Any) -> Any:
    """Give a JSON value with everything that has a secret's name hidden."""
    if isinstance(value, dict):
        return {k: HIDDEN if v and SECRET.search(k) else hide(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hide(item) for item in value]
    return value
