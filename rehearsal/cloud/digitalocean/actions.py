"""Actions: what was asked of a resource, and how far it is."""

from __future__ import annotations

from rehearsal.cloud.digitalocean.calls import Answer, Call, Routes
from rehearsal.cloud.digitalocean.catalog import render_region
from rehearsal.cloud.digitalocean.errors import not_found
from rehearsal.cloud.rows import Action, Json
from rehearsal.cloud.store import State, now

routes = Routes()


def begin(state: State, type: str, *, resource: int, kind: str, region: str, detail: Json | None = None) -> Action:
    """Note that an action is under way."""
    action = Action(
        id=state.next_id("action"),
        type=type,
        resource_id=resource,
        resource_type=kind,
        region=region,
        started_at=now(),
        detail=detail or {},
    )
    state.actions[action.id] = action
    return action


def end(action: Action, *, failed: bool = False) -> None:
    """Note that an action came to its end."""
    action.status = "errored" if failed else "completed"
    action.completed_at = now()


def render(action: Action) -> Json:
    """Give the API's object of an action."""
    about = {k: v for k, v in vars(action).items() if k not in ("detail", "region")}
    return {**about, "region": render_region(action.region), "region_slug": action.region}


def link(call: Call, action: Action, rel: str) -> Json:
    """Give the link by which a client follows an action."""
    base = call.url.partition("/v2/")[0]
    return {"id": action.id, "rel": rel, "href": f"{base}/v2/actions/{action.id}"}


@routes.on("GET", "/actions")
def list_actions(call: Call) -> Answer:
    """List everything that was ever asked."""
    with call.read() as state:
        return call.page("actions", map(render, reversed(state.actions.values())))


@routes.on("GET", "/actions/<int:id>")
def read_action(call: Call, id: int) -> Answer:
    """Show an action."""
    with call.read() as state:
        if id not in state.actions:
            raise not_found()
        return 200, {"action": render(state.actions[id])}
