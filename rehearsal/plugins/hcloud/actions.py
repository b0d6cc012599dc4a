"""Actions: what the cloud does in its own time, waited for until it is done, and asked for again where it is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rehearsal.plugins.client import ApiError, wait_until
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.stand_in import Call, HalfDone
from rehearsal.plugins.wire import Values

_LIMIT = 1200.0
_LONGEST_PAUSE = 60.0
Result = TypeVar("Result")


class ActionFailed(ApiError):
    """The cloud took the action on and gave it up."""


def act(call: Call, path: str, command: str, body: Values | None = None) -> None:
    """Start an action on the resource at `path` and wait for its end."""
    answer = call.session.post(f"{path}/actions/{command}", body)
    settle(call, answer.get("action"), *(answer.get("actions") or ()))


def settle(call: Call, *actions: Values | None) -> None:
    """Wait for actions; an answer may well have none to wait for."""
    found = [action for action in actions if action]
    for action in found:
        _refuse_failure(action)
    running = [action["id"] for action in found if action["status"] == "running"]
    if running:
        wait_until(call, lambda: _ended(call, running), what=f"actions {running}", limit=_LIMIT)


def retried(call: Call, attempt: Callable[[], Result], *, when: Callable[[ApiError], bool], tries: int = 5) -> Result:
    """Try again, later each time, as long as the failure is of the kind that passes."""
    pause = call.session.first_wait
    for left in reversed(range(tries)):
        try:
            return attempt()
        except ApiError as error:
            if not left or not when(error):
                raise
        if call.cancelled.wait(pause):
            break
        pause = min(pause * 2, _LONGEST_PAUSE)
    raise Refused("cancelled while waiting to try again")


def said(*codes: str) -> Callable[[ApiError], bool]:
    """Failures with one of these codes."""
    return lambda error: error.code in codes


def any_failure(error: ApiError) -> bool:
    """Failures of every kind."""
    return True


@contextmanager
def exists_as(id: str) -> Iterator[None]:
    """The resource is there: what fails in the body leaves it half done, and the next run goes on with it."""
    try:
        yield
    except Exception as error:
        raise HalfDone(id, {}, str(error)) from error


def changed(state: Values, asked: Values, name: str) -> bool:
    """Whether the program wants something else than the state holds; nothing, in whatever form, is nothing."""
    return (state.get(name) or None) != (asked.get(name) or None)


def put_changed(call: Call, path: str, state: Values, asked: Values, names: dict[str, str]) -> None:
    """Write what can simply be written: our name -> theirs."""
    body: dict[str, Any] = {theirs: asked.get(ours) for ours, theirs in names.items() if changed(state, asked, ours)}
    if "labels" in body:
        body["labels"] = body["labels"] or {}
    if body:
        call.session.put(path, body)


def protect(call: Call, path: str, **flags: bool) -> None:
    """Switch a resource's protection."""
    act(call, path, "change_protection", dict(flags))


def given(asked: Values, names: dict[str, str]) -> Values:
    """The inputs that are there, by the cloud's names."""
    return {theirs: asked[ours] for ours, theirs in names.items() if asked.get(ours) not in (None, {}, [], "")}


def _ended(call: Call, ids: list[int]) -> bool:
    found = call.session.list("/actions", "actions", id=ids, sort=["status", "id"])
    if missing := sorted({*ids} - {action["id"] for action in found}):
        raise Refused(f"actions not found: {missing}")
    for action in found:
        _refuse_failure(action)
    return all(action["status"] != "running" for action in found)


def _refuse_failure(action: Values) -> None:
    if action["status"] == "error":
        told = action.get("error") or {}
        raise ActionFailed(
            f"action {action['id']} ({action['command']}): {told.get('message')} ({told.get('code')})", status=0
        )
