"""Names that are not in anybody's zone: the cloud's own, databases, names made of addresses."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import dnslib
from dnslib import CLASS, QTYPE, RR

from rehearsal import paths
from rehearsal.cloud.digitalocean.databases import host, private_host
from rehearsal.cloud.dns.zones import Reply
from rehearsal.cloud.s3 import profiles
from rehearsal.cloud.store import State

OWN = {
    "api.digitalocean.com": paths.GATEWAY,
    "api.hetzner.cloud": paths.GATEWAY,
    paths.ACME_NAME: paths.ACME,
    paths.ACME_TRIAL_NAME: paths.ACME,
    **{profile.domain: paths.S3 for profile in profiles.PROFILES},
}
OF_ADDRESS = re.compile(r"(?:^|[.-])(\d{1,3}(?:-\d{1,3}){3}|\d{1,3}(?:\.\d{1,3}){3})\.(?:sslip|nip)\.io$")
TTL = 60


def address(state: State, name: str) -> str | None:
    """Give the address of such a name."""
    if name in OWN:
        return OWN[name]
    if profiles.find(name):
        return paths.S3
    if name.endswith(".db.ondigitalocean.com"):
        return _database(state, name)
    return _spelled(name)


def _database(state: State, name: str) -> str | None:
    found = (c for c in state.databases.values() if name in (host(c.name), private_host(c.name)))
    return next((cluster.host_ip for cluster in found), None)


def _spelled(name: str) -> str | None:
    found = OF_ADDRESS.search(name)
    try:
        spelled = IPv4Address(found[1].replace("-", ".")) if found else None
    except ValueError:
        return None
    # Only our own: nothing in a rehearsal is to reach for anybody else's machine.
    return str(spelled) if spelled and spelled in paths.PUBLIC else None


def reply(name: str, type: str, address: str) -> Reply:
    """Answer with an address, or with nothing for other types."""
    if type not in ("A", "ANY"):
        return Reply()
    return Reply(answers=[RR(name, QTYPE.A, CLASS.IN, TTL, dnslib.A(address))])
