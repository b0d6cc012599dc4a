"""A tour of the whole API with Hetzner's own Python client: everything made, listed by pages, changed, deleted."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from hcloud.zones import ZoneRecord

from tests.rehearsal.cloud.hetzner import machines
from tests.rehearsal.cloud.hetzner.official import all_done, done, refused, walk
from tests.rehearsal.cloud.hetzner.test_door import KEY, OTHER


def catalog(hetzner: Any) -> None:
    """What can be ordered, by id and by name."""
    assert {"fsn1", "nbg1", "hel1"} <= {place.name for place in walk(hetzner.locations.get_list, "locations")}
    place = hetzner.locations.get_by_name("fsn1")
    assert place
    assert hetzner.locations.get_by_id(place.id).network_zone == "eu-central"
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        houses = hetzner.datacenters
    assert houses.get_by_id(walk(houses.get_list, "datacenters")[0].id).location.name == "fsn1"
    sizes = walk(hetzner.server_types.get_list, "server_types")
    size = hetzner.server_types.get_by_name("cx23")
    assert size
    assert size.name in [row.name for row in sizes]
    assert hetzner.server_types.get_by_id(size.id).cores == size.cores
    image = hetzner.images.get_by_name_and_architecture("debian-13", "x86", include_deprecated=True)
    assert image
    assert hetzner.images.get_by_id(image.id).os_flavor == "debian"
    assert image.name in [row.name for row in walk(partial(hetzner.images.get_list, type=["system"]), "images")]


def keys(hetzner: Any) -> None:
    """SSH keys, by id, name and fingerprint."""
    mine = hetzner.ssh_keys.create(name="mine", public_key=KEY, labels={"a": "b"})
    other = hetzner.ssh_keys.create(name="other", public_key=OTHER)
    assert [row.id for row in walk(hetzner.ssh_keys.get_list, "ssh_keys")] == [mine.id, other.id]
    assert [row.id for row in hetzner.ssh_keys.get_all(label_selector="a=b")] == [mine.id]
    found = hetzner.ssh_keys.get_by_fingerprint(str(mine.fingerprint))
    assert (found and found.id, hetzner.ssh_keys.get_by_id(mine.id).name) == (mine.id, "mine")
    assert mine.update(name="renamed", labels={}).name == "renamed"
    for key in (mine, other):
        key.delete()
    assert refused(hetzner.ssh_keys.get_by_id, mine.id).code == "not_found"


def zones(hetzner: Any) -> None:
    """Zones by id and name."""
    made = all_done(hetzner.zones.create(name="example.org", mode="primary", labels={"site": "x"})).zone
    all_done(hetzner.zones.create(name="example.net", mode="primary", ttl=600))
    assert [row.name for row in walk(hetzner.zones.get_list, "zones")] == ["example.org", "example.net"]
    assert hetzner.zones.get("example.org").id == hetzner.zones.get(made.id).id == made.id
    assert [row.id for row in hetzner.zones.get_all(label_selector="site=x", mode="primary")] == [made.id]
    assert made.update(labels={"site": "y"}).labels == {"site": "y"}
    done(made.change_ttl(300), made.change_protection(delete=True))
    assert refused(made.delete).code == "protected"
    done(made.change_protection(delete=False))
    assert [action.command for action in hetzner.zones.actions.get_all()].count("change_protection") == 2
    assert made.get_actions(sort=["id:desc"])[0].command == "change_protection"
    first = made.get_actions(sort=["id"])[0]
    assert hetzner.zones.actions.get_by_id(first.id).command == first.command == "create_zone"
    assert hetzner.request("GET", f"/zones/{made.id}/actions/{first.id}")["action"]["id"] == first.id
    _rrsets(hetzner)
    for name in ("example.org", "example.net"):
        all_done(hetzner.zones.delete(hetzner.zones.get(name)))
    assert walk(hetzner.zones.get_list, "zones") == []


def _rrsets(hetzner: Any) -> None:
    zone = hetzner.zones.get("example.org")
    first, second = (ZoneRecord(value=f"198.51.100.{n}") for n in (20, 21))
    www = all_done(zone.create_rrset(name="www", type="A", ttl=60, records=[first], labels={"a": "b"})).rrset
    apex = all_done(zone.create_rrset(name="@", type="TXT", records=[ZoneRecord(value='"hello"', comment="c")])).rrset
    assert [row.id for row in walk(zone.get_rrset_list, "rrsets")] == ["@/NS", "@/SOA", "www/A", "@/TXT"]
    assert [row.id for row in zone.get_rrset_all(type=["A", "NS"], sort=["id"])] == ["@/NS", "www/A"]
    assert [row.id for row in zone.get_rrset_all(name="www", label_selector="a=b")] == ["www/A"]
    done(www.change_rrset_ttl(600), www.add_rrset_records([second]), www.remove_rrset_records([first]))
    assert [record.value for record in zone.get_rrset("www", "A").records or []] == ["198.51.100.21"]
    done(www.set_rrset_records([first]), www.change_rrset_protection(change=True))
    assert refused(www.delete_rrset).code == "protected"
    done(www.change_rrset_protection(change=False))
    assert www.update_rrset(labels={}).labels == {}
    for row in (www, apex):
        all_done(row.delete_rrset())
    assert refused(zone.get_rrset, "www", "A").code == "not_found"


def actions(hetzner: Any) -> None:
    """Those with the ids asked for, as the Go client waits for them, and one."""
    made = hetzner.zones.create(name="example.com", mode="primary")
    ids = [made.action.id, all_done(made.zone.delete()).action.id]
    told = hetzner.request("GET", "/actions", params={"id": ids, "sort": ["status", "id"]})
    assert [row["id"] for row in told["actions"]] == ids
    assert hetzner.actions.get_by_id(ids[0]).command == "create_zone"


STOPS = (catalog, keys, zones, actions, *machines.STOPS)
