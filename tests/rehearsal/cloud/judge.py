"""A layer around the API that holds every call that passes to the published description, whoever makes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.wrappers import Request, Response

from tests.rehearsal.cloud import contract
from tests.rehearsal.cloud.contract import Operation

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PAGED = ("page", "per_page")  # taken by every list, described at most
RATE = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: Mapping[str, str]
    request: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


def problems(exchange: Exchange) -> list[str]:
    """Name everything that is not as it should be, in the request (when it was accepted) and in the answer."""
    found = [*_headers(exchange), *_shape(exchange)]
    if contract.document() is not None:
        found += _as_published(exchange)
    return found


def _headers(exchange: Exchange) -> Iterator[str]:
    for name in RATE:
        if not exchange.headers.get(name, "").isdigit():
            yield f"header {name} should be a number (got {exchange.headers.get(name)!r})"
    if not re.fullmatch(r"[0-9a-f-]{36}", exchange.headers.get("x-request-id", "")):
        yield "header x-request-id should be a UUID"
    if exchange.body is not None and not exchange.headers.get("content-type", "").startswith("application/json"):
        yield "header content-type should be application/json"


def _shape(exchange: Exchange) -> Iterable[str]:
    """What every answer has in common: the form of a refusal, and the envelope of a list."""
    body = exchange.body
    if exchange.status >= 400:
        wrong = not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("id", "message"))
        return ["a refusal should have an id and a message"] if wrong else []
    return _envelope(exchange) if isinstance(body, dict) and "meta" in body else []


def _envelope(exchange: Exchange) -> Iterator[str]:
    total, links = exchange.body["meta"].get("total"), exchange.body.get("links")
    rows = next((value for value in exchange.body.values() if isinstance(value, list)), None)
    if not isinstance(total, int) or not isinstance(links, dict) or rows is None:
        yield "a list should have rows, meta.total and links"
        return
    page, size = (_number(exchange.query, name) or usual for name, usual in (("page", 1), ("per_page", 20)))
    if len(rows) != max(0, min(size, total - (page - 1) * size)):
        yield f"page {page} of {size} out of {total} should not have {len(rows)} rows"
    last = max(1, -(-total // size))
    wanted = {"first": 1, "prev": page - 1} if page > 1 else {}
    wanted |= {"next": page + 1, "last": last} if page < last else {}
    if (told := {rel: _page(url) for rel, url in links.get("pages", {}).items()}) != wanted:
        yield f"links.pages should be {wanted} (got {told})"


def _number(query: Mapping[str, str], name: str) -> int:
    return int(text) if (text := query.get(name, "")).isdigit() else 0


def _page(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["page"][0])


def _as_published(exchange: Exchange) -> Iterator[str]:
    operation = contract.find(exchange.method, exchange.path)
    if exchange.status == 501:  # the rehearsal says that it lacks a call
        return
    if operation is None:
        yield "is not in the published API"
        return
    if exchange.status < 400:
        yield from _request(exchange, operation)
    yield from _answer(exchange, operation)


def _request(exchange: Exchange, operation: Operation) -> Iterator[str]:
    in_path, in_query = operation.parameters("path"), operation.parameters("query")
    for name, schema in in_path.items():
        value = operation.in_path(exchange.path)[name]
        yield from (f"path {name} {wrong}" for wrong in contract.read_errors(schema, _cast(schema, value)))
    for name, text in exchange.query.items():
        if name in PAGED:
            yield from () if text.isdigit() else [f"query {name} should be a number"]
        elif name in in_query:
            schema = in_query[name]
            yield from (f"query {name} {wrong}" for wrong in contract.write_errors(schema, _cast(schema, text)))
        else:
            yield f"query {name} is not in the published API"
    yield from (f"request {wrong}" for wrong in _request_body(exchange, operation))


def _request_body(exchange: Exchange, operation: Operation) -> Iterable[str]:
    schema = operation.request_schema()
    if schema is None:
        return [] if exchange.request in (None, {}) else ["should have no body"]
    if exchange.request is None and operation.about["requestBody"].get("required"):
        return ["should have a body"]
    found = contract.write_errors(schema, {} if exchange.request is None else exchange.request)
    return (wrong for wrong in found if not _slip(operation, wrong))


# Where the description asks for more than the API does, as the official plugin's own requests show.
SLIPS = (
    ("domains_create_record", r"'(flags|tag)' is a required property"),  # TXT, NS and SRV records have none
    ("domains_update_record", r"'type' is a required property"),  # a record keeps its type
    ("tags_(un)?assign_resources", r"'database' is not one of "),
)


def _slip(operation: Operation, wrong: str) -> bool:
    return any(re.fullmatch(id, operation.id) and re.search(text, wrong) for id, text in SLIPS)


def _cast(schema: Any, text: str) -> Any:
    """Read a text of a path or query as the schema has it."""
    kinds = [contract.resolve(part).get("type") for part in [schema, *contract.resolve(schema).get("anyOf", ())]]
    if "integer" in kinds and text.isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text) if "boolean" in kinds else text


def _answer(exchange: Exchange, operation: Operation) -> Iterator[str]:
    answer = operation.answer(exchange.status)
    if answer is None:
        yield f"status should be one of {sorted(operation.about['responses'])}"
        return
    for name, about in answer.get("headers", {}).items():
        schema = contract.resolve(about)["schema"]
        if exchange.headers.get(name) is None and not (name == "content-type" and exchange.body is None):
            yield f"header {name} is missing"
        elif name in exchange.headers:
            yield from contract.read_errors(schema, _cast(schema, exchange.headers[name]))
    schema = contract.answer_schema(answer)
    if schema is None:
        yield from ["should have no body"] if exchange.body is not None else []
        return
    if not isinstance(exchange.body, dict):
        yield f"body should be an object (got {exchange.body!r:.40})"
    yield from contract.read_errors(schema, exchange.body)
    yield from _missing(schema, exchange.body)


# Members that an answer may lack; the description requires nearly none of any, and every client reads the others.
SOMETIMES = frozenset(
    {
        "request_id",
        "actions", "droplets",  # links of an order that nothing has to be done for
        "pages",  # where there is only one
        "gpu_info",  # of machines without a GPU
        "kafka", "mongodb", "mysql", "redis", "valkey", "opensearch", "advanced_pg", "advanced_mysql",  # other engines
        "ui_connection", "schema_registry_connection", "mysql_settings", "access_cert", "access_key",  # theirs
        "opensearch_acl", "acl", "mongo_user_settings",  # theirs
        "settings", "do_settings",  # of users and clusters that were given none
        "standby_connection", "standby_private_connection",  # of a cluster without standby nodes
        "description",  # of a maintenance window without maintenance, of a trusted source without a note
        "imgages",  # a slip of the description: "images" is there as well
    }
)  # fmt: skip


def _missing(schema: Any, body: Any, at: str = "", deep: int = 2) -> Iterator[str]:
    if deep < 0 or not isinstance(body, dict):
        return
    for name, about in contract.properties(schema).items():
        node = contract.resolve(about)
        if name not in body:
            if name not in SOMETIMES and not node.get("writeOnly"):
                yield f"{at}{name} is missing"
        elif isinstance(body[name], list) and "items" in node:
            for row in body[name][:3]:
                yield from _missing(node["items"], row, f"{at}{name}.", deep - 1)
        else:
            yield from _missing(node, body[name], f"{at}{name}.", deep - 1)


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
        if request.path.startswith("/v2/"):
            self._judge(request, sent, response)
        return response(environ, start_response)

    def verdict(self) -> None:
        """Fail when anything that passed was not as published."""
        if self.wrong:
            raise AssertionError("\n".join(["not as published:", *dict.fromkeys(self.wrong)]))

    def _judge(self, request: Request, sent: bytes, response: Response) -> None:
        told = response.get_data()
        exchange = Exchange(
            method=request.method,
            path=request.path,
            query=dict(request.args),
            request=_read(sent),
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers},
            body=_read(told),
        )
        self.wrong += [f"{exchange}: {problem}" for problem in problems(exchange)]
        operation = contract.find(request.method, request.path)
        self.seen[f"{operation.id if operation else 'unpublished'} {response.status_code}"] += 1


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
