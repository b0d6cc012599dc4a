"""One zone, several stacks: each owns its own records and nothing else in the zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rehearsal.stage import Stage
from tests.rehearsal.test_dns import call, changes, destroy_stack, edit_stack, make_stack, records

pytestmark = pytest.mark.sweep

ZONE = "example.com"
OWNERS = (
    {"type": "TXT", "name": "@", "data": "owner=someone-else", "ttl": 1800},
    {"type": "MX", "name": "@", "data": "mail.example.net.", "priority": 10, "ttl": 1800},
    {"type": "NS", "name": "lab", "data": "ns1.example.net.", "ttl": 1800},
    {"type": "A", "name": "blog", "data": "198.51.100.250", "ttl": 1800},
    {"type": "CNAME", "name": "mail", "data": "mail.example.net.", "ttl": 1800},
)
# Two environments of one site, and another site altogether: its own name, users and paths.
STACKS: dict[str, dict[str, Any]] = {
    "zone-staging": {"hosts": [f"staging.{ZONE}"]},
    "zone-production": {"hosts": [ZONE, f"www.{ZONE}"]},
    "zone-shop": {"hosts": [f"shop.{ZONE}"], "site": "shop"},
}


@pytest.fixture(scope="module")
def zone(stage: Stage) -> Iterator[Stage]:
    call(stage, "POST", "domains", {"name": ZONE})
    for record in OWNERS:
        call(stage, "POST", f"domains/{ZONE}/records", record)
    for name, config in STACKS.items():
        make_stack(stage, name, domain=ZONE, **config)
    yield stage
    for name in STACKS:
        destroy_stack(stage, name)


def of(stage: Stage, *stacks: str) -> list[tuple[str, str, str]]:
    """The A records that these stacks make."""
    labels = {
        host: "@" if host == ZONE else host.removesuffix(f".{ZONE}") for s in stacks for host in STACKS[s]["hosts"]
    }
    addresses = {host: stage.outputs(stack)["address"] for stack in stacks for host in STACKS[stack]["hosts"]}
    return sorted(("A", label, addresses[host]) for host, label in labels.items())


def test_each_stack_adds_its_own_records_and_no_others(zone: Stage) -> None:
    before = records(zone, ZONE)
    for name in STACKS:
        zone.up(name)
    assert records(zone, ZONE) == sorted([*before, *of(zone, *STACKS)])
    for config in STACKS.values():
        assert "<html" in zone.page(f"https://{config['hosts'][0]}")


def test_a_name_of_another_stack_is_refused(zone: Stage) -> None:
    before = records(zone, ZONE)
    edit_stack(zone, "zone-shop", hosts=[f"shop.{ZONE}", f"staging.{ZONE}"])
    done = zone.up("zone-shop", check=False)
    edit_stack(zone, "zone-shop", hosts=[f"shop.{ZONE}"])
    assert done.returncode != 0
    assert f"hosts: staging.{ZONE} has a record that this stack did not make" in done.stdout, done.stdout
    assert records(zone, ZONE) == before
    assert changes(zone.up("zone-shop")) == {}


def test_destroying_one_leaves_the_others_and_the_owners(zone: Stage) -> None:
    before, gone = records(zone, ZONE), of(zone, "zone-staging")
    zone.type("pulumi destroy --yes --skip-preview --non-interactive --color never -s zone-staging")
    assert records(zone, ZONE) == sorted(set(before) - set(gone))
    for name in ("zone-production", "zone-shop"):
        assert changes(zone.up(name)) == {}
        assert "<html" in zone.page(f"https://{STACKS[name]['hosts'][0]}")


def test_a_refused_certificate_is_told_and_finished_by_the_next_up(zone: Stage) -> None:
    """The authority refuses a new name; the site runs, `up` ends well, and its words are in the diagnostics."""
    hosts = [f"shop.{ZONE}", f"new.shop.{ZONE}"]
    edit_stack(zone, "zone-shop", hosts=hosts)
    rule = '{"service": "acme", "method": "POST", "path": "/order-.*", "status": 429, "times": 0}'
    zone.type(
        f"inside curl -fsS -X POST -H 'Content-Type: application/json' -d '{rule}' $DIGITALOCEAN_API_URL/_cloud/faults"
    )
    done = zone.up("zone-shop")
    arrival = zone.outputs("zone-shop")["arrival"]
    assert (arrival["state"], arrival["dns"]) == ("running, waiting for its certificate", "ok")
    assert f"https://{hosts[1]} got no certificate, the authority said: " in done.stdout
    assert "<html" in zone.page(f"https://{hosts[0]}")
    zone.cloud("faults", method="DELETE")
    done = zone.up("zone-shop")
    assert zone.outputs("zone-shop")["arrival"]["state"] == "arrived"
    assert "arrived: the names point here and the certificate is issued" in done.stdout
    assert changes(zone.up("zone-shop")) == {}
