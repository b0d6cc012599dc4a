"""`slipway status` against real machines: planted disagreements, and the command that each line names ends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.rehearsal.stage import Stage, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

HOST = "www.staging.example.org"
ANYWHERE = {"addresses": ["0.0.0.0/0", "::/0"]}


@dataclass(frozen=True)
class Site:
    """A site on a real machine, and the cloud behind its back."""

    stage: Stage

    @property
    def made(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.outputs("staging")["cloud"]
        return found

    @property
    def machine(self) -> str:
        return str(self.made["machines"]["web-1"]["id"])

    def status(self) -> tuple[int, dict[str, Any]]:
        done = self.stage.type("slipway status staging --json", check=False)
        return done.returncode, json.loads(done.stdout)

    def line(self, like: str) -> str:
        """The disagreement that reads so, "" where there is none."""
        code, said = self.status()
        found = next((line for line in said["disagreements"] if re.match(like, line)), "")
        assert not found or code == 1
        return found

    def call(self, method: str, path: str, body: Any = None) -> None:
        self.stage.type(
            f"inside curl -fsS -X {method} -H 'Content-Type: application/json' "
            f"-H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\" -d '{json.dumps(body or {})}' "
            f"$DIGITALOCEAN_API_URL/v2/{path}"
        )

    def record(self) -> str:
        rows = self.stage.api("domains/example.org/records")["domain_records"]
        return next(str(row["id"]) for row in rows if row["name"] == HOST.removesuffix(".example.org"))

    def inside(self, command: str) -> str:
        """A command as root on the machine; `slipway shell` would run as the site."""
        found = self.stage.outputs("staging")
        key = self.stage.state / "status-key"
        key.touch(mode=0o600)
        key.write_text(found["login_key"])
        options = f"-i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        host = found["servers"][0]["host"]
        try:
            return self.stage.type(f"inside ssh {options} deploy@{host} 'sudo sh -c \"{command}\"'").stdout
        finally:
            key.unlink()

    def slot(self) -> str:
        _, said = self.status()
        return str(said["servers"]["web-1"]["serving"])


def _wall(site: Site, **about: Any) -> None:
    id = site.made["firewall"]["id"]
    wall = site.stage.api(f"firewalls/{id}")["firewall"]
    kept = {key: wall[key] for key in ("name", "inbound_rules", "outbound_rules", "tags")}
    site.call("PUT", f"firewalls/{id}", {**kept, **about})


def _loosen(site: Site) -> None:
    rules = site.stage.api(f"firewalls/{site.made['firewall']['id']}")["firewall"]["inbound_rules"]
    _wall(site, inbound_rules=[*rules, {"protocol": "tcp", "ports": "8000", "sources": ANYWHERE}])


def _flip(site: Site) -> None:
    """Another release, put in front by hand: the one before this one."""
    slot = site.slot()
    other = "green" if slot == "blue" else "blue"
    link = "/srv/slipway/run/current.sock"
    target = site.inside(f"readlink {link}").strip()
    site.inside(f"systemctl start slipway-web@{other}")
    wait_until(
        lambda: site.inside(f"systemctl is-active slipway-web@{other} || true").strip() == "active",
        limit=30,
        what=f"the {other} slot",
    )
    site.inside(f"ln -sfn {target.replace(slot, other)} {link}")


def _fail(site: Site) -> None:
    undo = site.stage.edit("pictures/views.py", "def home(request", "def home(broken_request")
    try:
        assert site.stage.up("staging", check=False).returncode
    finally:
        undo()


def _off(site: Site) -> None:
    site.call("POST", f"droplets/{site.machine}/actions", {"type": "power_off"})
    path = f"droplets/{site.machine}"
    wait_until(lambda: site.stage.api(path)["droplet"]["status"] == "off", limit=30, what="the machine off")


# In this order; what is planted, and what the line says.
PLANTED: dict[str, tuple[Callable[[Site], Any], str]] = {
    "record changed": (
        lambda site: site.call(
            "PUT", f"domains/example.org/records/{site.record()}", {"type": "A", "data": "192.0.2.9"}
        ),
        rf"record {HOST}: should be A .* \(got A 192.0.2.9\)",
    ),
    "record deleted": (
        lambda site: site.call("DELETE", f"domains/example.org/records/{site.record()}"),
        rf"record {HOST}: should be A .* \(got missing\)",
    ),
    "address unassigned": (
        lambda site: site.call("POST", f"reserved_ips/{site.made['address']}/actions", {"type": "unassign"}),
        r"address .*: should be of web-1 \(got of nobody\)",
    ),
    "a port more": (_loosen, r"firewall: should be .* \(got .*tcp 8000.*\)"),
    "firewall off the tag": (
        lambda site: _wall(site, tags=[]),
        r"firewall: should be .* \(got not in front of the servers\)",
    ),
    "database open to everybody": (
        lambda site: site.call("PUT", f"databases/{site.made['database']['id']}/firewall", {"rules": []}),
        r"database is open to: should be tag .* \(got everybody\)",
    ),
    "last update failed": (_fail, r"state: last update failed"),
    "another release in front": (_flip, r"live site: should run .* \(got: runs .*\)"),
    "site down": (
        lambda site: site.inside(f"systemctl stop slipway-web@{site.slot()}"),
        r"live site: should run .* \(got: .*(answered 50\d|timed out)\)",
    ),
    "machine off": (_off, r"server web-1 .*: should be .*, active \(got .*, off\)"),
    "machine deleted": (
        lambda site: site.call("DELETE", f"droplets/{site.machine}"),
        r"server web-1 .*: should be .*, active \(got missing\)",
    ),
}


@pytest.fixture(scope="module")
def site(stage: Stage) -> Iterator[Site]:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    stage.up("staging")
    stage.edit("pictures/templates/pictures/base.html", "</footer>", "<!-- second --></footer>")
    stage.up("staging")
    yield Site(stage)
    stage.type("pulumi destroy --yes --skip-preview --refresh -s staging")


def test_all_agree(site: Site) -> None:
    code, said = site.status()
    assert (code, said["agree"], said["cloud"]["asked"]) == (0, True, True), said["disagreements"]


@pytest.mark.parametrize("planted", PLANTED)
def test_a_disagreement_is_told_and_its_command_ends_it(site: Site, planted: str) -> None:
    change, told = PLANTED[planted]
    change(site)
    wait_until(lambda: bool(site.line(told)), limit=90, what=f"a line like {told}")
    line = site.line(told)
    _do(site, line)
    wait_until(lambda: site.status()[0] == 0, limit=90, what=f"all agree again after {line}")


def _do(site: Site, line: str) -> None:
    """What the line says, as far as it is pulumi's to do; the rest as a person would in the control panel."""
    if command := re.search(r"pulumi up .*$", line):
        site.stage.type(command[0].replace("pulumi up", "pulumi up --yes --skip-preview --non-interactive"))
    else:
        assert "power-on" in line, line
        site.call("POST", f"droplets/{site.machine}/actions", {"type": "power_on"})
