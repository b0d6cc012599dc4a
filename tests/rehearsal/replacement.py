"""A machine replaced while a prober asks for its site, and what of the site is to be the same afterwards."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.stage import Stage, end_prober

URL = "https://staging.example.org"
NAME = "staging.example.org"
# Half of the requests on kept connections; a visitor's system has this long to find a machine that has moved. No more
# of them than a busy computer answers beside the birth of a machine: else they wait for each other.
PROBE = f"{URL}/ --rate 20 --seconds 900 --keepalive 0.5 --timeout 30 --release-path /_slipway/release"
COPY = "certificates/store.sealed"
SPOIL = f"""
import json, pathlib, sys
from release.bucket import Bucket
Bucket.parse(json.load(sys.stdin)).put({COPY!r}, pathlib.Path("/etc/hostname"))
"""


@dataclass(frozen=True)
class Seen:
    """Which machine has the site, and what its visitors and the authority know of it."""

    machine: int
    address: str
    certificate: str
    orders: int  # asked of the authority since it began


def seen(site: Stage) -> Seen:
    found = site.outputs("staging")
    host = found["servers"][0]["host"]
    (machine,) = (id for id, addresses in machines(site).items() if host in addresses)
    return Seen(machine, found["address"], certificate(site), orders(site))


def machines(site: Stage) -> dict[int, list[str]]:
    """The public API's machines with their addresses."""
    return ACCOUNTS[site.cloud_name].machines(site)


def certificate(site: Stage) -> str:
    ask = f"openssl s_client -connect {NAME}:443 -servername {NAME} </dev/null 2>/dev/null"
    return site.type(f"inside sh -c '{ask} | openssl x509 -noout -fingerprint -sha256'").stdout.strip()


def orders(site: Stage) -> int:
    """From the authority's own log."""
    return (site.state / "log/acme-pebble.log").read_text().count("POST /order-plz")


def replaced(site: Stage, tmp_path: Path, *, key: str, value: str) -> dict[str, Any]:
    """What the prober saw while `pulumi up` replaced the machine because of this edit."""
    report = tmp_path / "probe.json"
    site.type(f"pulumi config set {key} {value} -s staging")
    prober = site.start(f"inside .venv/bin/python -m rehearsal.prober {PROBE} --out {report}")
    try:
        time.sleep(2)
        site.up("staging")
        time.sleep(2)
    finally:
        found: dict[str, Any] = end_prober(prober, report)
    print(f"{key}: {value}: {found['failed']} of {found['sent']} failed, kept {found['kept']}", found["milliseconds"])
    return found


def spoil_copy(site: Stage) -> None:
    """Make the sealed copy of the certificate store useless."""
    source = json.dumps(site.outputs("staging")["release_source"])
    site.type(f"inside .venv/bin/python -c {shlex.quote(SPOIL)}", input=source, secret=True)


def lose_machine(site: Stage, machine: int) -> None:
    """Delete a machine by hand at the cloud."""
    ACCOUNTS[site.cloud_name].delete(site, machine)
    end = time.monotonic() + 60
    while machine in machines(site):
        assert time.monotonic() < end, f"machine {machine} is still there"
        time.sleep(0.5)
