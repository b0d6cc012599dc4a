"""The first day of a site: no name yet, names kept elsewhere, a zone with records of others in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.rehearsal.stage import Done, Stage

pytestmark = pytest.mark.rehearsal

STACK = "firstday"
ZONE = "example.net"  # nobody keeps it at the cloud when the day begins
HOSTS = [f"shop.{ZONE}", f"www.shop.{ZONE}"]
OWNERS = (
    {"type": "TXT", "name": "@", "data": "owner=someone-else", "ttl": 1800},
    {"type": "MX", "name": "@", "data": "mail.example.com.", "priority": 10, "ttl": 1800},
    {"type": "A", "name": "blog", "data": "198.51.100.250", "ttl": 1800},
)
COMMON = {"cloud": "digitalocean", "region": "fra1", "settings": "gallery.settings", "database": "none"}


def make_stack(stage: Stage, name: str, **config: Any) -> None:
    """A stack of the rehearsal's own, as a person writes one."""
    file = stage.state / f"project/stacks/Pulumi.{name}.yaml"
    file.write_text(yaml.safe_dump({"config": {**COMMON, "media": "disk", "project": str(stage.gallery), **config}}))
    stage.type(f"pulumi stack init --non-interactive {name}")


def edit_stack(stage: Stage, name: str, **config: Any) -> None:
    """Other settings, in the file itself."""
    file = stage.state / f"project/stacks/Pulumi.{name}.yaml"
    described = yaml.safe_load(file.read_text())
    # the engine writes what it knows with the project's name in front
    named = {f"slipway:{key}" if f"slipway:{key}" in described["config"] else key: config[key] for key in config}
    described["config"] |= named
    file.write_text(yaml.safe_dump(described))


def destroy_stack(stage: Stage, name: str) -> None:
    stage.type(f"pulumi destroy --yes --skip-preview --non-interactive --color never -s {name}")
    stage.type(f"pulumi stack rm --yes --non-interactive {name}")


def call(stage: Stage, method: str, path: str, body: dict[str, Any]) -> None:
    """One call of the cloud's public API, as the owner of a zone makes it."""
    header = "-H 'Content-Type: application/json' -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\""
    url = f"$DIGITALOCEAN_API_URL/v2/{path}"
    stage.type(f"inside curl -fsS -X {method} {header} -d '{json.dumps(body)}' {url}")


def records(stage: Stage, zone: str = ZONE) -> list[tuple[str, str, str]]:
    rows = stage.api(f"domains/{zone}/records?per_page=200")["domain_records"]
    return sorted((row["type"], row["name"], row["data"]) for row in rows if row["type"] != "SOA")


def changes(done: Done) -> dict[str, int]:
    """What the engine says it did."""
    summary = done.stdout.rpartition("Resources:")[2]
    return {what: int(number) for number, what in re.findall(r"(\d+) (created|updated|replaced|deleted)", summary)}


@pytest.fixture(scope="module")
def day(stage: Stage) -> Iterator[Stage]:
    make_stack(stage, STACK)
    yield stage
    destroy_stack(stage, STACK)


def test_without_a_domain_the_site_answers_under_its_address(day: Stage) -> None:
    done = day.up(STACK)
    found = day.outputs(STACK)
    name = f"{found['address'].replace('.', '-')}.sslip.io"
    assert found["url"] == f"https://{name}"
    assert found["arrival"] == {"state": "arrived", "dns": "ok", "certificate": "ok", "round": 0}
    assert f"warning: no domain is set: the site answers as {name}" in done.stdout
    assert "<html" in day.page(f"https://{name}")


def test_names_kept_elsewhere_are_told_and_waited_for_in_peace(day: Stage) -> None:
    edit_stack(day, STACK, domain=ZONE, hosts=HOSTS, dns="external")
    before = day.outputs(STACK)
    done = day.up(STACK)
    found = day.outputs(STACK)
    assert set(changes(done)) == {"updated"}, done.stdout
    assert found["servers"] == before["servers"]
    assert found["arrival"] == {
        "state": "running, waiting for DNS",
        "dns": "waiting",
        "certificate": "waiting",
        "round": 0,
    }
    for host, label in zip(HOSTS, ("shop", "www.shop"), strict=True):
        assert f"  name {host} ({label})  type A  value {found['address']}  TTL 300" in done.stdout
        assert f"{host} does not point here yet (got no address): set {host} A {found['address']}" in done.stdout


def test_every_preview_says_that_it_will_look_again(day: Stage) -> None:
    command = f"pulumi preview --non-interactive --color never -s {STACK}"
    first, second = day.type(command).stdout, day.type(command).stdout
    assert "last time: running, waiting for DNS: will look again" in first
    assert [line for line in first.splitlines() if "to update" in line or "unchanged" in line] == [
        line for line in second.splitlines() if "to update" in line or "unchanged" in line
    ]
    assert "~ 1 to update" in first


def test_a_second_up_finishes_once_the_records_exist(day: Stage) -> None:
    address = day.outputs(STACK)["address"]
    call(day, "POST", "domains", {"name": ZONE})
    for record in (*OWNERS, *({"type": "A", "name": name, "data": address} for name in ("shop", "www.shop"))):
        call(day, "POST", f"domains/{ZONE}/records", record)
    done = day.up(STACK)
    assert day.outputs(STACK)["arrival"] == {"state": "arrived", "dns": "ok", "certificate": "ok", "round": 1}
    assert "arrived: the names point here and the certificate is issued" in done.stdout
    assert changes(done) == {"updated": 1}, done.stdout
    assert "<html" in day.page(f"https://{HOSTS[0]}")
    assert "308" in day.type(f"inside curl -sS -o /dev/null -w '%{{http_code}}' https://{HOSTS[1]}/").stdout


def test_what_has_arrived_is_left_alone(day: Stage) -> None:
    assert changes(day.up(STACK)) == {}


def test_a_record_of_someone_else_is_neither_touched_nor_joined(day: Stage) -> None:
    """Not even where nobody looked at a preview."""
    edit_stack(day, STACK, dns="managed")
    before = records(day)
    done = day.up(STACK, check=False)
    assert done.returncode != 0
    address = day.outputs(STACK)["address"]
    refusals = re.findall(
        rf"hosts: (\S+) has a record that this stack did not make \(got A {address}\), take it over with (.+) or",
        done.stdout,
    )
    assert refusals
    assert records(day) == before
    for _, take_over in set(refusals):
        day.type(f"{take_over} --yes --non-interactive --skip-preview")


def test_a_record_taken_over_is_ours_from_then_on(day: Stage) -> None:
    before = records(day)
    done = day.up(STACK, check=False)
    for take_over in set(re.findall(r"take it over with (.+) or", done.stdout)):
        day.type(f"{take_over} --yes --non-interactive --skip-preview")
    day.up(STACK)
    assert records(day) == before
    assert changes(day.up(STACK)) == {}


def test_destroy_leaves_the_zone_as_its_owner_had_it(day: Stage) -> None:
    day.type(f"pulumi destroy --yes --skip-preview --non-interactive --color never -s {STACK}")
    left = [row for row in records(day) if row[0] != "NS"]
    assert left == sorted((row["type"], row["name"], str(row["data"]).rstrip(".")) for row in OWNERS)
