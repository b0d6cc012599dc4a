"""The published API description, to hold answers to; absent on most computers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator

FILE = Path(__file__).resolve().parents[4] / "shared" / "contract" / "digitalocean.openapi.json"


@cache
def document() -> dict[str, Any] | None:
    """Give the description, or None."""
    return json.loads(FILE.read_text()) if FILE.exists() else None


def problems(method: str, path: str, status: int, body: Any) -> Iterable[str]:
    """Name what is wrong with an answer; nothing without the description."""
    known = document()
    if known is None or status == 501:
        return []
    operation = _operation(known, method.lower(), path.partition("?")[0])
    if operation is None:
        return [f"{method} {path} is not in the published API"]
    answers = operation["responses"]
    if status < 400 and str(status) not in answers:
        return [f"status {status} is none of {sorted(answers)}"]
    answer = _resolve(known, answers.get(str(status)) or answers["default"])
    content = answer.get("content")
    if not content:
        return [] if body is None else ["should have no body"]
    return list(_check(known, next(iter(content.values()))["schema"], body))


def _check(known: dict[str, Any], schema: Any, body: Any) -> Iterable[str]:
    validator = OAS30ReadValidator({**schema, "components": known["components"]})
    for error in validator.iter_errors(body):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[-200:]}"
    top = _resolve(known, schema)
    for part in [top, *(_resolve(known, row) for row in top.get("allOf", ()))]:
        for name in part.get("properties", ()):
            # Nothing in the description requires these, every client reads them.
            if isinstance(body, dict) and name not in body and name not in ("request_id", "links"):
                yield f"{name} is missing"


def _operation(known: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    ordered = sorted(known["paths"], key=lambda template: template.count("{"))
    for template in ordered:
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method in known["paths"][template]:
            found: dict[str, Any] = known["paths"][template][method]
            return found
    return None


def _resolve(known: dict[str, Any], node: Any) -> Any:
    while "$ref" in node:
        target: Any = known
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
