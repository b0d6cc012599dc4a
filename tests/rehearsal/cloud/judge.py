"""A layer around the APIs that holds every call that passes to its published description, whoever makes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from tests.rehearsal.cloud import manners
from tests.rehearsal.cloud.contract import Contract, Operation, answer_schema
from tests.rehearsal.cloud.manners import Api, Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def problems(exchange: Exchange) -> list[str]:
    """Name everything that is not as it should be, in the request (when it was accepted) and in the answer."""
    api = manners.of(exchange.path)
    if api is None:
        return ["is of no API"]
    found = list(api.manners(exchange))
    if api.contract.document is not None:
        found += _as_published(exchange, api)
    return found


def _as_published(exchange: Exchange, api: Api) -> Iterator[str]:
    operation = api.contract.find(exchange.method, exchange.path)
    if exchange.status == 501:  # the rehearsal says that it lacks a call
        return
    if operation is None:
        yield "is not in the published API"
        return
    if exchange.status < 400:
        yield from _request(exchange, operation, api)
    yield from _answer(exchange, operation, api)


def _request(exchange: Exchange, operation: Operation, api: Api) -> Iterator[str]:
    known = api.contract
    in_path, in_query = operation.parameters("path"), operation.parameters("query")
    for name, schema in in_path.items():
        value = _cast(known, schema, operation.in_path(exchange.path)[name])
        yield from (f"path {name} {wrong}" for wrong in known.read_errors(schema, value))
    for name, said in exchange.query.items():
        if name in api.paged:
            yield from () if said.isdigit() else [f"query {name} should be a number"]
        elif name in in_query:
            schema = in_query[name]
            wrongs = known.write_errors(schema, _cast(known, schema, said))
            yield from (f"query {name} {wrong}" for wrong in wrongs)
        elif name not in api.ordered:
            yield f"query {name} is not in the published API"
    yield from (f"request {wrong}" for wrong in _request_body(exchange, operation, api))


def _request_body(exchange: Exchange, operation: Operation, api: Api) -> Iterable[str]:
    schema = operation.request_schema()
    if schema is None:
        return [] if exchange.request in (None, {}) else ["should have no body"]
    if exchange.request is None and operation.about["requestBody"].get("required"):
        return ["should have a body"]
    found = api.contract.write_errors(schema, {} if exchange.request is None else exchange.request)
    return (wrong for wrong in found if not _slip(api, operation, wrong))


def _slip(api: Api, operation: Operation, wrong: str) -> bool:
    return any(re.fullmatch(id, operation.id) and re.search(text, wrong) for id, text in api.slips)


def _cast(known: Contract, schema: Any, said: Any) -> Any:
    """Read a text of a path or query, or several of one name, as the schema has it."""
    node = known.resolve(schema)
    kinds = [known.resolve(part).get("type") for part in [node, *node.get("anyOf", ())]]
    if "array" in kinds and "items" in node:
        return [_cast(known, node["items"], text) for text in ([said] if isinstance(said, str) else said)]
    if "integer" in kinds and isinstance(said, str) and said.isdigit():
        return int(said)
    return {"true": True, "false": False}.get(str(said).lower(), said) if "boolean" in kinds else said


def _answer(exchange: Exchange, operation: Operation, api: Api) -> Iterator[str]:
    known, answer = api.contract, operation.answer(exchange.status)
    if answer is None:
        yield f"status should be one of {sorted(operation.about['responses'])}"
        return
    for name, about in answer.get("headers", {}).items():
        schema = known.resolve(about)["schema"]
        if name in exchange.headers:
            yield from known.read_errors(schema, _cast(known, schema, exchange.headers[name]))
        elif name not in api.sometimes and not (name == "content-type" and exchange.body is None):
            yield f"header {name} is missing"
    schema = answer_schema(answer)
    if schema is None:
        yield from ["should have no body"] if exchange.body is not None else []
        return
    if not isinstance(exchange.body, dict):
        yield f"body should be an object (got {exchange.body!r:.40})"
    yield from known.read_errors(schema, exchange.body)
    yield from _missing(api, schema, exchange.body)


def _missing(api: Api, schema: Any, body: Any, at: str = "", deep: int = 2) -> Iterator[str]:
    if deep < 0 or not isinstance(body, dict):
        return
    for name, about in api.contract.properties(schema).items():
        node = api.contract.resolve(about)
        if name not in body:
            if not _may_lack(api, at, name) and not node.get("writeOnly"):
                yield f"{at}{name} is missing"
        elif isinstance(body[name], list) and "items" in node:
            for row in body[name][:3]:
                yield from _missing(api, node["items"], row, f"{at}{name}.", deep - 1)
        else:
            yield from _missing(api, node, body[name], f"{at}{name}.", deep - 1)


def _may_lack(api: Api, at: str, name: str) -> bool:
    return name in api.sometimes or f"{at.rpartition('.')[0].rpartition('.')[2]}.{name}" in api.sometimes


@dataclass
class Judge:
    """A WSGI application around another one; `seen` counts published calls, `wrong` says what was not as published."""

    app: WSGIApplication
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on and judge what comes back."""
        request = Request(environ)
        sent = request.get_data()
        environ["wsgi.input"] = BytesIO(sent)
        response = Response.from_app(self.app, environ, buffered=True)
        if api := manners.of(request.path):
            self._judge(api, request, sent, response)
        return response(environ, start_response)

    def verdict(self) -> None:
        """Fail when anything that passed was not as published."""
        if self.wrong:
            raise AssertionError("\n".join(["not as published:", *dict.fromkeys(self.wrong)]))

    def _judge(self, api: Api, request: Request, sent: bytes, response: Response) -> None:
        told = response.get_data()
        exchange = Exchange(
            method=request.method,
            path=request.path,
            query={name: said if len(said) > 1 else said[0] for name, said in request.args.lists()},
            request=_read(sent),
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers},
            body=_read(told),
        )
        self.wrong += [f"{exchange}: {problem}" for problem in problems(exchange)]
        operation = api.contract.find(request.method, request.path)
        self.seen[f"{operation.id if operation else 'unpublished'} {response.status_code}"] += 1


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
