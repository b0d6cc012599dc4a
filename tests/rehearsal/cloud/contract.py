"""The published API description, to hold the local cloud's calls to; absent on most computers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

FILE = Path(__file__).resolve().parents[4] / "shared" / "contract" / "digitalocean.openapi.json"
Json = dict[str, Any]


@cache
def document() -> Json | None:
    """Give the description, or None."""
    return json.loads(FILE.read_text()) if FILE.exists() else None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One published call."""

    id: str
    template: str
    about: Json

    def parameters(self, where: str) -> Json:
        """Give the schemas of the parameters that stand in one place: path, query."""
        found = [resolve(row) for row in self.about.get("parameters", ())]
        return {row["name"]: row["schema"] for row in found if row["in"] == where}

    def in_path(self, path: str) -> Mapping[str, str]:
        """Give the values of the parameters of a path."""
        match = re.fullmatch(_pattern(self.template), path)
        assert match is not None
        return match.groupdict()

    def answer(self, status: int) -> Json | None:
        """Give what is published of an answer; errors that nobody named are the default one."""
        answers = self.about["responses"]
        found = answers.get(str(status)) or (answers.get("default") if status >= 400 else None)
        return resolve(found) if found else None

    def request_schema(self) -> Json | None:
        """Give the schema of the body, if it takes one."""
        body = self.about.get("requestBody")
        return _content(resolve(body)) if body else None


@cache
def operations() -> Mapping[str, Operation]:
    """Give every published call by its id."""
    paths = (document() or {"paths": {}})["paths"]
    rows = [(template, verbs) for template, verbs in paths.items()]
    found = [
        Operation(id=a["operationId"], template=t, about={**a, "method": m}) for t, v in rows for m, a in v.items()
    ]
    return {operation.id: operation for operation in found}


@cache
def find(method: str, path: str) -> Operation | None:
    """Find the call of a method and path; a path written out wins over one with parameters."""
    fits = [o for o in operations().values() if o.about["method"] == method.lower()]
    fits = [o for o in fits if re.fullmatch(_pattern(o.template), path)]
    return min(fits, key=lambda o: o.template.count("{"), default=None)


@cache
def _pattern(template: str) -> str:
    names = iter(f"p{number}" for number in range(9))
    known = re.findall(r"\{([^}]*)\}", template)
    safe = {name: re.sub(r"\W", "_", name) or next(names) for name in known}
    parts = re.split(r"\{([^}]*)\}", template)
    return "".join(f"(?P<{safe[part]}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))


def _content(node: Json) -> Json | None:
    content = node.get("content")
    return next(iter(content.values()))["schema"] if content else None


def answer_schema(answer: Json) -> Json | None:
    """Give the schema of an answer's body, if it has one."""
    return _content(answer)


def resolve(node: Any) -> Any:
    """Follow references."""
    while "$ref" in node:
        target: Any = document()
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def read_errors(schema: Json, value: Any) -> Iterator[str]:
    """Name what an answer has wrong."""
    return _errors(OAS30ReadValidator, schema, value)


def write_errors(schema: Json, value: Any) -> Iterator[str]:
    """Name what a request has wrong."""
    return _errors(OAS30WriteValidator, schema, value)


def _errors(validator: Any, schema: Json, value: Any) -> Iterator[str]:
    known = document()
    assert known is not None
    whole, formats = {**schema, "components": known["components"]}, validator.FORMAT_CHECKER
    for error in validator(whole, format_checker=formats).iter_errors(value):
        yield f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[-200:]}"


def properties(schema: Json) -> Json:
    """Give the schemas of an object's members, of whatever parts it is composed."""
    node = resolve(schema)
    parts = [node, *(resolve(part) for part in node.get("allOf", ()))]
    return {name: about for part in parts for name, about in part.get("properties", {}).items()}
