"""Actions: what the cloud does in its own time, waited for until it is done."""

from __future__ import annotations

from rehearsal.plugins.client import wait_until
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

_LIMIT = 600.0


def act(call: Call, path: str, body: Values, *, own_list: bool = False) -> None:
    """Start an action on the resource at `path` and wait for its end.

    Actions of reserved IPs are asked for below their address (`own_list`), all others in the account's list.
    """
    action = call.session.post(f"{path}/actions", body)["action"]
    place = f"{path}/actions/{action['id']}" if own_list else f"/v2/actions/{action['id']}"
    if action["status"] != "completed":
        wait_until(call, lambda: _ended(call, place, body), what=f"{body['type']} of {path}", limit=_LIMIT)


def _ended(call: Call, place: str, body: Values) -> bool:
    action = call.session.get(place)["action"]
    if action["status"] == "errored":
        raise Refused(f"{place}: the cloud gave up the action {body['type']}")
    return bool(action["status"] == "completed")
