"""Machines replaced again and again under a prober, on purpose and by accident; the certificate outlives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.replacement import lose_machine, machines, orders, replaced, seen, spoil_copy
from tests.rehearsal.stage import Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

URL = "https://staging.example.org"
REFRESH = "pulumi up --yes --skip-preview --refresh --non-interactive --color never -s staging"
EDITS = [
    ("server-generation", "11"),
    ("server-size", "s-2vcpu-2gb"),
    ("server-generation", "12"),
    ("server-size", "s-1vcpu-1gb"),
    ("server-generation", "13"),
    ("server-size", "s-2vcpu-2gb"),
]


@pytest.mark.parametrize(("key", "value"), EDITS)
def test_a_replacement_loses_no_request_and_orders_no_certificate(
    site: Stage, tmp_path: Path, key: str, value: str
) -> None:
    before = seen(site)
    probe = replaced(site, tmp_path, key=key, value=value)
    after = seen(site)
    assert probe["failed"] == 0, probe
    assert min(probe["kept"], probe["fresh"]) > 100
    assert before.machine not in machines(site)
    assert after.address == before.address
    assert (after.certificate, after.orders) == (before.certificate, before.orders)


def test_the_same_without_the_store_is_seen_by_visitors_and_by_the_authority(site: Stage, tmp_path: Path) -> None:
    """The planted failure: Caddy goes on serving from memory, and leaves nothing to carry over."""
    before = seen(site)
    site.root("mv /var/lib/caddy/.local/share/caddy/certificates /root/certificates")
    spoil_copy(site)
    probe = replaced(site, tmp_path, key="server-generation", value="21")
    after = seen(site)
    assert probe["failed"] > 0, probe
    assert after.orders > before.orders
    assert after.certificate != before.certificate


def test_a_lost_machine_gets_its_certificate_back(site: Stage) -> None:
    before = seen(site)
    lose_machine(site, before.machine)
    said = site.type(REFRESH).stdout
    after = seen(site)
    assert "certificates: carried over from the release bucket" in said
    assert after.machine != before.machine
    assert after.address == before.address
    assert (after.certificate, after.orders) == (before.certificate, before.orders)


def test_a_spoilt_copy_is_a_note_and_a_new_order(site: Stage) -> None:
    before = seen(site)
    spoil_copy(site)
    lose_machine(site, before.machine)
    said = site.type(REFRESH).stdout
    assert "certificates: the release bucket: was not sealed with this stack's certificate-key" in said
    wait_until(lambda: bool(site.live(URL)), limit=60, what="the site with a new certificate")
    assert orders(site) > before.orders


def test_a_machine_whose_successor_never_gets_the_address_serves_again(site: Stage) -> None:
    """The address does not move, whatever is asked of the cloud; the machine that left comes back by its own timer."""
    before = seen(site)
    never = {"method": "POST", "path": "/v2/reserved_ips/.*/actions", "status": 422, "times": 0}
    fault = site.cloud("faults", method="POST", body=never)
    try:
        site.type("pulumi config set server-generation 31 -s staging")
        assert site.up("staging", check=False).returncode != 0
        took = wait_until(lambda: bool(site.live(URL)), limit=90, what="the old machine serves again")
        print(f"the old machine served again {took:.0f} s after up had failed")
        assert before.machine in machines(site)
    finally:
        site.cloud(f"faults/{fault['id']}", method="DELETE")
    site.up("staging")
    after = seen(site)
    assert before.machine not in machines(site)
    assert (after.address, after.certificate, after.orders) == (before.address, before.certificate, before.orders)


def test_a_cloud_that_takes_its_time_costs_visitors_a_pause_and_no_request(site: Stage, tmp_path: Path) -> None:
    """As long as DigitalOcean's plugin waits before it asks for the move, and a second for the move itself."""
    slow = {"method": "POST", "path": "/v2/reserved_ips/.*/actions", "do": "delay", "seconds": 4}
    site.cloud("faults", method="POST", body=slow)
    before = seen(site)
    probe = replaced(site, tmp_path, key="server-generation", value="41")
    assert probe["failed"] == 0, probe
    assert probe["milliseconds"]["max"] >= 4000, "somebody came in that moment, and waited"
    assert before.machine not in machines(site)
