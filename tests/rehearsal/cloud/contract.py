"""The published API descriptions, to hold the local cloud's calls to; absent on most computers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

SHARED = Path(__file__).resolve().parents[4] / "shared" / "contract"
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One published call."""

    id: str
    template: str
    about: Json
    contract: Contract

    def parameters(self, where: str) -> Json:
        """Give the schemas of the parameters that stand in one place: path, query."""
        found = [self.contract.resolve(row) for row in self.about.get("parameters", ())]
        return {row["name"]: row["schema"] for row in found if row["in"] == where}

    def in_path(self, path: str) -> Mapping[str, str]:
        """Give the values of the parameters of a path."""
        match = re.fullmatch(_pattern(self.template), path)
        assert match is not None
        return match.groupdict()

    def answer(self, status: int) -> Json | None:
        """Give what is published of an answer; errors that nobody named are their class's, or the default one."""
        answers = self.about["responses"]
        rest = (answers.get(f"{status // 100}XX") or answers.get("default")) if status >= 400 else None
        found = answers.get(str(status)) or rest
        return self.contract.resolve(found) if found else None

    def request_schema(self) -> Json | None:
        """Give the schema of the body, if it takes one."""
        body = self.about.get("requestBody")
        return answer_schema(self.contract.resolve(body)) if body else None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One description; `prefix` is what its paths leave out."""

    file: Path
    prefix: str = ""

    @cached_property
    def document(self) -> Json | None:
        """Give the description, or None."""
        return json.loads(self.file.read_text()) if self.file.exists() else None

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Give every published call by its id."""
        paths = (self.document or {"paths": {}})["paths"]
        rows = [(f"{self.prefix}{template}", verbs) for template, verbs in paths.items()]
        found = [
            Operation(id=a["operationId"], template=t, about={**a, "method": m}, contract=self)
            for t, v in rows
            for m, a in v.items()
        ]
        return {operation.id: operation for operation in found}

    def find(self, method: str, path: str) -> Operation | None:
        """Find the call of a method and path; a path written out wins over one with parameters."""
        return _find(self, method.lower(), path)

    def resolve(self, node: Any) -> Any:
        """Follow references."""
        while "$ref" in node:
            target: Any = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def read_errors(self, schema: Json, value: Any) -> Iterator[str]:
        """Name what an answer has wrong."""
        return self._errors(OAS30ReadValidator, schema, value)

    def write_errors(self, schema: Json, value: Any) -> Iterator[str]:
        """Name what a request has wrong."""
        return self._errors(OAS30WriteValidator, schema, value)

    def _errors(self, validator: Any, schema: Json, value: Any) -> Iterator[str]:
        for error in self._validator(validator, schema).iter_errors(value):
            yield f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[-200:]}"

    def _validator(self, validator: Any, schema: Json) -> Any:
        """Give a validator; it is kept, as is the document with the schema, for it has to look through all of it."""
        key = validator, id(schema)
        if key not in self._validators:
            assert self.document is not None
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = validator(whole, format_checker=validator.FORMAT_CHECKER)
        return self._validators[key]

    @cached_property
    def _validators(self) -> dict[tuple[Any, int], Any]:
        return {}

    def properties(self, schema: Json) -> Json:
        """Give the schemas of an object's members, of whatever parts it is composed."""
        node = self.resolve(schema)
        parts = [node, *(self.resolve(part) for part in node.get("allOf", ()))]
        return {name: about for part in parts for name, about in part.get("properties", {}).items()}


DIGITALOCEAN = Contract(file=SHARED / "digitalocean.openapi.json")
HETZNER = Contract(file=SHARED / "hcloud.openapi.json", prefix="/v1")


@cache
def _find(contract: Contract, method: str, path: str) -> Operation | None:
    fits = [o for o in contract.operations.values() if o.about["method"] == method]
    fits = [o for o in fits if re.fullmatch(_pattern(o.template), path)]
    return min(fits, key=lambda o: o.template.count("{"), default=None)


@cache
def _pattern(template: str) -> str:
    names = iter(f"p{number}" for number in range(9))
    known = re.findall(r"\{([^}]*)\}", template)
    safe = {name: re.sub(r"\W", "_", name) or next(names) for name in known}
    parts = re.split(r"\{([^}]*)\}", template)
    return "".join(f"(?P<{safe[part]}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))


def answer_schema(node: Json) -> Json | None:
    """Give the schema of a body, if there is one."""
    content = node.get("content")
    return next(iter(content.values()))["schema"] if content else None
