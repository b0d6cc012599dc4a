"""The words this tool knows: `database` (the driver tells it a document), `backup VERB` (a person, a timer)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from ..agent.failure import Failure, told
from ..agent.machine import Local

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run one verb; the last line on stdout is always one JSON object."""
    if words[0] == "database":
        from .keeping import converse

        return converse(Local())
    return _backup(words[1:])


def _backup(words: Sequence[str]) -> int:
    """`ok` says how it went, and the exit code the same."""
    from .backup import OF_DUMPS, VERBS
    from .dumps import facts_file
    from .place import Place

    verbs = OF_DUMPS if facts_file(Place()).exists() else VERBS
    try:
        if not words or words[0] not in verbs:
            raise Failure(f"backup: should be one of {', '.join(verbs)} (got {' '.join(words) or 'nothing'})")
        answer: dict[str, Any] = {"ok": True, **verbs[words[0]](Local(), list(words[1:]))}
    except Exception as error:
        failure = told(error)
        answer = {"ok": False, "error": failure.cause, "detail": failure.detail}
    sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    return 0 if answer["ok"] else 1
