"""How each API speaks, beyond what its description says: headers, refusals, lists, and where the description errs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rehearsal.cloud import contract
from tests.rehearsal.cloud.contract import Contract

RATE = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
UUID = r"[0-9a-f-]{36}"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: Mapping[str, Any]
    request: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


@dataclass(frozen=True, kw_only=True)
class Api:
    """One API.

    `paged` and `ordered` are what lists take without saying so, `slips` where the description asks for too much,
    `sometimes` the members (and headers) an answer may lack, anywhere or below another one.
    """

    prefix: str
    contract: Contract
    request_id: str
    shape: Callable[[Exchange], Iterable[str]]
    paged: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    slips: tuple[tuple[str, str], ...] = ()
    sometimes: frozenset[str] = frozenset()

    def manners(self, exchange: Exchange) -> Iterator[str]:
        """Name what is not as it is in every exchange."""
        yield from _headers(exchange, self.request_id)
        yield from self.shape(exchange)


def of(path: str) -> Api | None:
    """Give the API that a path belongs to."""
    return next((api for api in (DIGITALOCEAN, HETZNER) if path.startswith(api.prefix)), None)


def _headers(exchange: Exchange, request_id: str) -> Iterator[str]:
    for name in RATE:
        if not exchange.headers.get(name, "").isdigit():
            yield f"header {name} should be a number (got {exchange.headers.get(name)!r})"
    if not re.fullmatch(UUID, exchange.headers.get(request_id, "")):
        yield f"header {request_id} should be a UUID"
    if exchange.body is not None and not exchange.headers.get("content-type", "").startswith("application/json"):
        yield "header content-type should be application/json"


def _digitalocean(exchange: Exchange) -> Iterable[str]:
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
    page, size = (number(exchange.query, name) or usual for name, usual in (("page", 1), ("per_page", 20)))
    if len(rows) != max(0, min(size, total - (page - 1) * size)):
        yield f"page {page} of {size} out of {total} should not have {len(rows)} rows"
    last = max(1, -(-total // size))
    wanted = {"first": 1, "prev": page - 1} if page > 1 else {}
    wanted |= {"next": page + 1, "last": last} if page < last else {}
    if (told := {rel: _page(url) for rel, url in links.get("pages", {}).items()}) != wanted:
        yield f"links.pages should be {wanted} (got {told})"


def number(query: Mapping[str, Any], name: str) -> int:
    return int(text) if (text := query.get(name, "")).isdigit() else 0


def _page(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["page"][0])


def _hetzner(exchange: Exchange) -> Iterable[str]:
    body = exchange.body
    if exchange.status >= 400:
        return _refusal(exchange)
    return _pagination(exchange) if isinstance(body, dict) and "meta" in body else []


def _refusal(exchange: Exchange) -> Iterator[str]:
    error = exchange.body.get("error") if isinstance(exchange.body, dict) else None
    if not isinstance(error, dict) or not all(isinstance(error.get(k), str) for k in ("code", "message")):
        yield "a refusal should be an error with a code and a message"
        return
    if "details" not in error:
        yield "a refusal should have details, null at least"
    if error["code"] == "invalid_input" and not (error.get("details") or {}).get("fields"):
        yield "invalid_input should name its fields"
    if exchange.status != (wanted := CODES.get(error["code"], 422)):
        yield f"code {error['code']} should come with {wanted}"


# The status that a code comes with; all others come with 422.
CODES = {
    **{"json_error": 400, "unauthorized": 401, "not_found": 404, "method_not_allowed": 405},
    **{"forbidden": 403, "token_readonly": 403, "resource_limit_exceeded": 403, "uniqueness_error": 409},
    **{"conflict": 409, "resource_unavailable": 412, "placement_error": 412, "locked": 423, "protected": 423},
    **{"rate_limit_exceeded": 429, "server_error": 500, "not_implemented": 501, "bad_gateway": 502},
    **{"service_error": 503, "unavailable": 503, "timeout": 504, "maintenance": 503},
}


def _pagination(exchange: Exchange) -> Iterator[str]:
    told = exchange.body["meta"].get("pagination") if isinstance(exchange.body["meta"], dict) else None
    rows = next((value for value in exchange.body.values() if isinstance(value, list)), None)
    if not isinstance(told, dict) or not isinstance(told.get("total_entries"), int) or rows is None:
        yield "a list should have rows and meta.pagination"
        return
    page, size = (number(exchange.query, name) or usual for name, usual in (("page", 1), ("per_page", 25)))
    total, size = told["total_entries"], min(size, 50)
    last = max(1, -(-total // size))
    wanted = {"page": page, "per_page": size, "total_entries": total, "last_page": last}
    wanted |= {"previous_page": page - 1 if page > 1 else None, "next_page": page + 1 if page < last else None}
    if told != wanted:
        yield f"meta.pagination should be {wanted} (got {told})"
    if len(rows) != max(0, min(size, total - (page - 1) * size)):
        yield f"page {page} of {size} out of {total} should not have {len(rows)} rows"


# Where the description asks for more than the API does, as the official plugin's own requests show.
_SLIPS = (
    ("domains_create_record", r"'(flags|tag)' is a required property"),  # TXT, NS and SRV records have none
    ("domains_update_record", r"'type' is a required property"),  # a record keeps its type
    ("tags_(un)?assign_resources", r"'database' is not one of "),
)


# Members that an answer may lack; the description requires nearly none of any, and every client reads the others.
_SOMETIMES = frozenset(
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


DIGITALOCEAN = Api(
    prefix="/v2/",
    contract=contract.DIGITALOCEAN,
    request_id="x-request-id",
    shape=_digitalocean,
    paged=("page", "per_page"),  # taken by every list, described at most
    slips=_SLIPS,
    sometimes=_SOMETIMES,
)
_SOMETIMES_AT_HETZNER = frozenset(
    {
        "datacenter",  # gone since July 2026
        "x-next",  # a header of one list, read by no client
        "action",  # of an address that nothing has to be done for; required everywhere else
        "applied_to.server", "applied_to.label_selector", "applied_to.applied_to_resources",  # by its type
    }
)  # fmt: skip
HETZNER = Api(
    prefix="/v1/",
    contract=contract.HETZNER,
    request_id="x-correlation-id",
    shape=_hetzner,
    paged=("page", "per_page"),
    ordered=("sort", "status"),  # its own Go client waits for actions with both
    slips=(("change_reverse_dns_.*", "dns_ptr: None "),),  # null takes a name away, from every kind of address
    sometimes=_SOMETIMES_AT_HETZNER,
)
