"""Reserved IPs and their assignments."""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.plugins import names
from rehearsal.plugins.client import ApiError, segment
from rehearsal.plugins.digitalocean.actions import act
from rehearsal.plugins.digitalocean.api import Cloud
from rehearsal.plugins.stand_in import Call, HalfDone, Verbs
from rehearsal.plugins.wire import Values


def _create_address(call: Call, asked: Values) -> tuple[str, Values]:
    address = call.session.post("/v2/reserved_ips", {"region": asked["region"]})["reserved_ip"]["ip"]
    if asked.get("dropletId"):
        try:
            _assign(call, address, asked["dropletId"])
        except Exception as error:
            raise HalfDone(address, _address_facts(call.session, address, {}) or {}, str(error)) from error
    return address, _address_facts(call.session, address, asked) or {}


def _read_address(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    facts = _address_facts(call.session, id, state)
    return (id, facts) if facts else None


def _update_address(call: Call, id: str, state: Values, asked: Values) -> Values:
    if asked.get("dropletId"):
        _assign(call, id, asked["dropletId"])
    elif state.get("dropletId"):
        _unassign(call, id)
    return _address_facts(call.session, id, asked) or {}


def _delete_address(call: Call, id: str, state: Values) -> None:
    if state.get("dropletId"):
        _unassign(call, id)
    call.session.delete(f"/v2/reserved_ips/{segment(id)}")


def _address_facts(cloud: Cloud, address: str, known: Values) -> Values | None:
    found = cloud.find(f"/v2/reserved_ips/{segment(address)}")
    if not found:
        return None
    holder = found["reserved_ip"].get("droplet") or {}
    facts = {"ipAddress": address, "reservedIpUrn": f"do:reservedip:{address}"}
    # Only who assigned by this resource hears of the droplet: an assignment resource is not drift.
    droplet = {"dropletId": holder.get("id")} if known.get("dropletId") else {"dropletId": None}
    return {**facts, **droplet, "region": found["reserved_ip"]["region"]["slug"]}


def _create_assignment(call: Call, asked: Values) -> tuple[str, Values]:
    _assign(call, asked["ipAddress"], asked["dropletId"])
    return f"{asked['dropletId']}-{asked['ipAddress']}-{names.unique(26)}", {}


def _read_assignment(call: Call, id: str, state: Values) -> tuple[str, Values] | None:
    address, droplet = _assigned(id, state)
    found = call.session.find(f"/v2/reserved_ips/{segment(address)}")
    holder = (found["reserved_ip"].get("droplet") or {}) if found else {}
    if holder.get("id") != droplet:
        return None
    return (id if state else f"{droplet}-{address}-{names.unique(26)}"), {"ipAddress": address, "dropletId": droplet}


def _delete_assignment(call: Call, id: str, state: Values) -> None:
    if _read_assignment(call, id, state):
        _unassign(call, state["ipAddress"])


def _assigned(id: str, state: Values) -> tuple[str, int]:
    """From the state, or from an import's IP,DROPLET."""
    if state.get("ipAddress"):
        return state["ipAddress"], int(state["dropletId"])
    address, _, droplet = id.partition(",")
    return address, int(droplet or 0)


def _assign(call: Call, address: str, droplet: int) -> None:
    act(call, f"/v2/reserved_ips/{address}", {"type": "assign", "droplet_id": int(droplet)}, own_list=True)


def _unassign(call: Call, address: str) -> None:
    try:
        act(call, f"/v2/reserved_ips/{address}", {"type": "unassign"}, own_list=True)
    except ApiError as error:
        if error.status not in (404, 422):  # gone, or assigned to none already
            raise


ADDRESS: Mapping[str, Verbs] = {
    "digitalocean:index/reservedIp:ReservedIp": Verbs(
        create=_create_address, read=_read_address, update=_update_address, delete=_delete_address
    ),
    "digitalocean:index/reservedIpAssignment:ReservedIpAssignment": Verbs(
        create=_create_assignment, read=_read_assignment, delete=_delete_assignment
    ),
}
