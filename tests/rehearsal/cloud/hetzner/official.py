"""Hetzner's own Python client, and how tests read lists, wait and look at refusals with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import hcloud
from hcloud import APIException, Client

from rehearsal.cloud.hetzner.api import TOKEN, TOKEN_LENGTH


def client(url: str, *, token: str = TOKEN.ljust(TOKEN_LENGTH, "0"), patient: bool = False) -> Client:
    """Give a client of the API at a URL, which gives up at once unless it is a patient one."""
    found = hcloud.Client(token, api_endpoint=f"{url}/v1", poll_interval=0.01, poll_max_retries=500)
    found._client._retry_max_retries = 5 if patient else 0
    found._client._retry_interval_func = lambda retries: 0.01
    return found


def walk(read: Callable[..., Any], name: str) -> list[Any]:
    """Read a list one row a page, by the number of each next page."""
    rows: list[Any] = []
    page: int | None = 1
    while page:
        found = read(page=page, per_page=1)
        rows += getattr(found, name)
        page = found.meta.pagination.next_page
    assert len(rows) == found.meta.pagination.total_entries, name
    return rows


def done(*actions: Any) -> None:
    """Wait for actions, and see that they succeeded."""
    for action in actions:
        action.wait_until_finished()
        assert (action.status, action.progress, action.error) == ("success", 100, None)


def all_done(found: Any) -> Any:
    """Wait for all that an order started; give its answer."""
    done(*[action for action in (found.action, *_next(found)) if action])
    return found


def _next(found: Any) -> Iterable[Any]:
    return getattr(found, "next_actions", None) or ()


def refused(call: Callable[..., Any], *args: Any, **more: Any) -> APIException:
    """Make a call that has to be refused, and give the refusal."""
    try:
        found = partial(call, *args, **more)()
    except APIException as error:
        return error
    raise AssertionError(f"should have been refused (got {found})")
