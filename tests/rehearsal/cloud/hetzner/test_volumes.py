"""Volumes: one server at a time, and longer than any."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.cloud.core import Cloud
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.hetzner.orders import act, finished, order, refused, volume
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


def attachments(cloud: Cloud) -> list[tuple[str, int]]:
    """What the event log says about volumes, in the order it happened."""
    found = [event for event in cloud.events if event["event"] in ("volume attached", "volume detached")]
    assert [event["clock"] for event in found] == sorted(event["clock"] for event in found)
    return [(event["event"].split()[1], event["server"]) for event in found]


def test_a_volume_goes_from_server_to_server(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    first, second, disk = order(api), order(api, name="web-2"), volume(api)
    path = f"/volumes/{disk['id']}"
    assert disk["linux_device"] == f"/dev/disk/by-id/scsi-0HC_Volume_{disk['id']}"
    assert (disk["status"], disk["server"], disk["format"], disk["size"]) == ("available", None, "ext4", 10)
    act(api, path, "attach", {"server": first["id"]})
    made = paper.volumes[disk["id"]]
    assert (made.machine, made.name, made.gigabytes) == (first["id"], f"scsi-0HC_Volume_{disk['id']}", 10)
    assert api("GET", f"/servers/{first['id']}")["server"]["volumes"] == [disk["id"]]
    body = {"server": second["id"]}
    assert refused(api, "POST", f"{path}/actions/attach", body, status=422) == "volume_already_attached"
    assert refused(api, "DELETE", path, status=422) == "resource_in_use"
    act(api, path, "detach")
    act(api, path, "attach", body)
    finished(api, api("DELETE", f"/servers/{second['id']}")["action"])
    assert attachments(cloud) == [
        ("attached", first["id"]),
        ("detached", first["id"]),
        ("attached", second["id"]),
        ("detached", second["id"]),
    ]
    api("DELETE", path, status=204)
    assert paper.volumes == {}


def test_a_volume_ordered_for_a_server(api: Client, paper: PaperHypervisor) -> None:
    server = order(api)
    disk = volume(api, server=server["id"])
    assert (disk["server"], disk["location"]["name"]) == (server["id"], "fsn1")
    assert paper.volumes[disk["id"]].machine == server["id"]


def test_a_volume_is_locked_while_it_moves(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    server, disk = order(api), volume(api)
    paper.gate.clear()
    moving = api("POST", f"/volumes/{disk['id']}/actions/attach", {"server": server["id"]})["action"]
    other = {"server": order(api, name="other", start_after_create=False)["id"]}
    assert refused(api, "POST", f"/volumes/{disk['id']}/actions/attach", other, status=423) == "locked"
    assert refused(api, "DELETE", f"/volumes/{disk['id']}", status=423) == "locked"
    assert refused(api, "DELETE", f"/servers/{server['id']}", status=423) == "locked"
    paper.gate.set()
    finished(api, moving)


def test_a_volume_that_cannot_be_attached(api: Client, paper: PaperHypervisor, cloud: Cloud) -> None:
    """The action says so, and the volume belongs to nobody."""
    server, disk = order(api), volume(api)
    paper.refuse = {"attach_volume"}
    action = api("POST", f"/volumes/{disk['id']}/actions/attach", {"server": server["id"]})["action"]
    finished(api, action, status="error")
    assert api("GET", f"/volumes/{disk['id']}")["volume"]["server"] is None
    assert attachments(cloud) == [("attached", server["id"]), ("detached", server["id"])]


def test_a_volume_only_goes_to_a_server_of_its_location(api: Client) -> None:
    far, disk = order(api, location="nbg1"), volume(api)
    body = {"server": far["id"]}
    assert refused(api, "POST", f"/volumes/{disk['id']}/actions/attach", body, status=422) == "invalid_input"


def test_a_volume_grows_and_is_protected(api: Client, paper: PaperHypervisor) -> None:
    disk = volume(api)
    path = f"/volumes/{disk['id']}"
    assert refused(api, "POST", f"{path}/actions/resize", {"size": 10}, status=422) == "invalid_input"
    act(api, path, "resize", {"size": 20})
    assert (api("GET", path)["volume"]["size"], paper.volumes[disk["id"]].gigabytes) == (20, 20)
    act(api, path, "change_protection", {"delete": True})
    assert refused(api, "DELETE", path, status=423) == "protected"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"size": 9}, 422), ({"format": "zfs"}, 422), ({"location": None}, 422), ({"automount": True}, 501)],
)
def test_wrong_volumes_are_refused(api: Client, wrong: Any, status: int) -> None:
    body = {"name": "data", "size": 10, "location": "fsn1", **wrong}
    assert refused(api, "POST", "/volumes", body, status=status) in ("invalid_input", "not_implemented")
