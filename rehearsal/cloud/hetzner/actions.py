"""Actions: what was asked of resources, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner import paging
from rehearsal.cloud.hetzner.calls import Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import locked, not_found
from rehearsal.cloud.hetzner.rows import Action, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()
# resource type -> table; every kind whose actions can be listed. Other modules add theirs.
KINDS = {
    "server": "servers",
    "volume": "volumes",
    "network": "networks",
    "floating_ip": "floating_ips",
    "primary_ip": "primary_ips",
    "firewall": "firewalls",
}
LOCKED = ("server", "volume", "floating_ip", "primary_ip")  # others take several actions at once
Ref = tuple[str, int]  # a resource: its type and id
Work = Callable[[Cloud, Action], None]
WORK: dict[str, Work] = {}  # by command: found again by name when a daemon finishes what another began
W = TypeVar("W", bound=Work)


def work(*commands: str) -> Callable[[W], W]:
    """Name the commands whose work a function does, on a thread of its own; it may be begun a second time."""

    def note(function: W) -> W:
        WORK.update(dict.fromkeys(commands, function))
        return function

    return note


def begin(tables: Tables, command: str, *resources: Ref, detail: Json | None = None) -> Action:
    """Note that an action is under way; a resource with one already is refused as locked."""
    for kind, id in resources:
        free(tables, kind, id)
    return follow(tables, command, *resources, detail=detail)


def follow(tables: Tables, command: str, *resources: Ref, detail: Json | None = None) -> Action:
    """Note an action that starts when another one of the same call ends."""
    action = Action(
        id=tables.next_id("action"),
        command=command,
        resources=[{"id": id, "type": kind} for kind, id in resources],
        started=now(),
        detail=detail or {},
    )
    tables.actions[action.id] = action
    return action


def running(tables: Tables, kind: str, id: int) -> bool:
    """Say whether something happens to a resource."""
    ref = {"id": id, "type": kind}
    return any(action.status == "running" and ref in action.resources for action in tables.actions.values())


def free(tables: Tables, kind: str, id: int) -> None:
    """Refuse a resource to which something happens."""
    if kind in LOCKED and running(tables, kind, id):
        raise locked(kind)


def end(action: Action, error: Exception | None = None) -> None:
    """Note that an action came to its end."""
    action.status = "error" if error else "success"
    action.finished = now()
    action.error = {"code": "action_failed", "message": f"Action failed: {error}"} if error else None


def instantly(tables: Tables, command: str, *resources: Ref) -> Action:
    """Note an action that is done at once, because nothing below the API takes part in it."""
    action = begin(tables, command, *resources)
    end(action)
    return action


@contextmanager
def finishing(cloud: Cloud, action: Action) -> Iterator[None]:
    """End an action whichever way the work goes."""
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
        raise
    finally:
        with cloud.store.change():
            end(action, failure)


def start(cloud: Cloud, *actions: Action) -> None:
    """Do the work of an action, and of those that follow it, on a thread of its own."""
    cloud.start(title(actions[0]), partial(perform, cloud, *actions))


def perform(cloud: Cloud, *actions: Action) -> None:
    """Do the work of actions one after the other; the first that fails is the last."""
    for number, action in enumerate(actions):
        try:
            with finishing(cloud, action):
                WORK[action.command](cloud, action)
        except Exception as error:
            with cloud.store.change():
                for never in actions[number + 1 :]:
                    end(never, error)
            raise


def unfinished(tables: Tables) -> list[list[Action]]:
    """Give what was under way, in the order it was begun; what belongs to one resource is done in turn."""
    found: dict[str, list[Action]] = {}
    for action in tables.actions.values():
        if action.status == "running":
            first = action.resources[0]
            found.setdefault(f"{first['type']} {first['id']}", []).append(action)
    return list(found.values())


def subject(action: Action, kind: str) -> int:
    """Give the id of the resource of a kind that an action is about."""
    return next(int(about["id"]) for about in action.resources if about["type"] == kind)


def title(action: Action) -> str:
    """Say what an action does to what."""
    return " ".join([action.command, *(f"{about['type']} {about['id']}" for about in action.resources)])


def render(action: Action) -> Json:
    """Give the API's object of an action."""
    about = {k: v for k, v in vars(action).items() if k != "detail"}
    return {**about, "progress": 0 if action.status == "running" else 100}


def answer(action: Action) -> Answer:
    """Give the answer of a call that starts one action."""
    return 201, {"action": render(action)}


def _find(tables: Tables, id: int) -> Action:
    if id not in tables.actions:
        raise not_found("action", id)
    return tables.actions[id]


@routes.on("GET", "/actions")
def list_actions(call: Call) -> Answer:
    """List the actions with the ids asked for, or all."""
    wanted = {int(id) for id in call.query.getlist("id") if id.isdigit()}
    with call.read() as tables:
        found = [a for a in tables.actions.values() if not wanted or a.id in wanted]
        return _list(call, found)


def _list(call: Call, found: list[Action]) -> Answer:
    statuses = call.query.getlist("status")
    return paging.page(call, "actions", (render(a) for a in found if not statuses or a.status in statuses))


@routes.on("GET", "/actions/<int:id>")
def read_action(call: Call, id: int) -> Answer:
    """Show an action."""
    with call.read() as tables:
        return 200, {"action": render(_find(tables, id))}


def of_kind(kind: str, table: str) -> None:
    """Let the actions of a kind of resource be read, of all and of one."""

    @routes.on("GET", f"/{table}/actions")
    def list_all(call: Call) -> Answer:
        """List the actions of all resources of this kind."""
        with call.read() as tables:
            return _list(call, [a for a in tables.actions.values() if kind in (r["type"] for r in a.resources)])

    @routes.on("GET", f"/{table}/actions/<int:id>")
    def read_any(call: Call, id: int) -> Answer:
        """Show an action of a resource of this kind."""
        return read_action(call, id)

    @routes.on("GET", f"/{table}/<int:owner>/actions")
    def list_own(call: Call, owner: int) -> Answer:
        """List what was asked of a resource."""
        with call.read() as tables:
            if owner not in getattr(tables, table):
                raise not_found(kind, owner)
            return _list(call, [a for a in tables.actions.values() if {"id": owner, "type": kind} in a.resources])

    @routes.on("GET", f"/{table}/<int:owner>/actions/<int:id>")
    def read_own(call: Call, owner: int, id: int) -> Answer:
        """Show one action of a resource."""
        with call.read() as tables:
            action = _find(tables, id)
            if {"id": owner, "type": kind} not in action.resources:
                raise not_found("action", id)
            return 200, {"action": render(action)}


for _kind, _table in KINDS.items():
    of_kind(_kind, _table)
