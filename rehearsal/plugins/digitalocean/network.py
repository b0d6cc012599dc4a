"""VPCs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.stand_in import Call, Verbs
from rehearsal.plugins.wire import Values

_BUSY = (403, 409)


def _create_vpc(call: Call, asked: Values) -> tuple[str, Values]:
    fields = {"name": "name", "region": "region", "description": "description", "ipRange": "ip_range"}
    vpc = call.session.post("/v2/vpcs", {theirs: asked[ours] for ours, theirs in fields.items() if asked.get(ours)})
    return vpc["vpc"]["id"], _vpc_facts(vpc["vpc"])


def _read_vpc(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    found = call.session.find(f"/v2/vpcs/{segment(id)}")
    return (id, _vpc_facts(found["vpc"])) if found else None


def _update_vpc(call: Call, id: str, state: Values, asked: Values) -> Values:
    body = {"name": asked["name"], "description": asked.get("description") or "", "default": state.get("default")}
    return _vpc_facts(call.session.put(f"/v2/vpcs/{segment(id)}", body)["vpc"])


def _delete_vpc(call: Call, id: str, state: Values) -> None:
    """What was in it may take a while to be gone: 403 and 409 are asked again, as the official plugin does."""
    ends, pause = time.monotonic() + (call.timeout or 120), 0.1
    while True:
        try:
            call.session.delete(f"/v2/vpcs/{segment(id)}")
            return
        except ApiError as error:
            if error.status not in _BUSY or time.monotonic() > ends or call.cancelled.wait(pause):
                raise
            pause = min(pause * 1.5, 2.0)


def _vpc_facts(vpc: Values) -> Values:
    return {
        "name": vpc["name"],
        "region": vpc["region"],
        "description": vpc.get("description") or "",
        "ipRange": vpc["ip_range"],
        "default": bool(vpc.get("default")),
        "createdAt": _as_go_prints(vpc["created_at"]),
        "vpcUrn": vpc.get("urn") or f"do:vpc:{vpc['id']}",
    }


def _as_go_prints(time: str) -> str:
    return time.replace("T", " ").replace("Z", " +0000 UTC")


NETWORK: Mapping[str, Verbs] = {
    "digitalocean:index/vpc:Vpc": Verbs(create=_create_vpc, read=_read_vpc, update=_update_vpc, delete=_delete_vpc),
}
