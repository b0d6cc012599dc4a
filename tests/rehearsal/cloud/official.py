"""DigitalOcean's own Python client, and how tests read lists, wait and look at refusals with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pydo
from azure.core.exceptions import HttpResponseError  # the one pydo raises and exports


class Plain:
    """The client, with what every call of it has to say."""

    def __init__(self, part: Any, **said: Any) -> None:
        self._part = part
        self._said = said

    def __getattr__(self, name: str) -> Any:
        """Give a call, or a group of calls."""
        found = getattr(self._part, name)
        return partial(found, **self._said) if callable(found) else Plain(found, **self._said)


def client(url: str, *, token: str = "local-pydo", patient: bool = False) -> Any:
    """Give a client of the API at a URL, which gives up at once unless it is a patient one."""
    said = {"retry_backoff_factor": 0.01} if patient else {"retry_total": 0}
    return Plain(pydo.Client(token, endpoint=url), enforce_https=False, **said)


def walk(read: Callable[..., Any], name: str) -> list[Any]:
    """Read a list one row a page, by the links from each page to the next."""
    rows, page = [], 1
    while True:
        answer = read(page=page, per_page=1)
        rows += answer[name]
        if "next" not in answer["links"].get("pages", {}):
            assert len(rows) == answer["meta"]["total"], name
            return rows
        assert f"page={page + 1}&" in answer["links"]["pages"]["next"]
        page += 1


def until(read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Read until it is as wanted."""
    for _ in range(300):
        found = read()
        if holds(found):
            return found
        time.sleep(0.01)
    raise AssertionError(found)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a refused call gave: pydo hands out most 404s as they are and raises all else."""

    status: int
    raised: bool
    body: Any
    headers: Mapping[str, str]


def refused(call: Callable[..., Any]) -> Refusal:
    """Make a call that has to be refused, and give the refusal."""
    told: list[Any] = []
    try:
        body = call(raw_response_hook=lambda response: told.append(response.http_response))
        raised = False
    except HttpResponseError as error:
        body, raised = json.loads(error.response.text()), True  # type: ignore[union-attr]
    if told[-1].status_code < 400:
        raise AssertionError(f"should have been refused (got {body})")
    return Refusal(status=told[-1].status_code, raised=raised, body=body, headers=told[-1].headers)
