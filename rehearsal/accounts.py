"""What the owner of a stack has at its cloud before a first `up`: a token, keys, a zone with records of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal import paths, storage_keys
from rehearsal.asking import api, hetzner

# Records a zone's owner already has: they must be there, untouched, after everything else is gone.
_MAIL, _OWNER = "mail.example.net.", "owner=someone-else"
_SECONDS = 1800


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account at one cloud: a region with everything in it, the zone's maker, secrets that only a console shows."""

    region: str
    ensure_zone: Callable[[str], None]
    secrets: Callable[[str], Mapping[str, str]]


def _digitalocean_zone(domain: str) -> None:
    if any(zone["name"] == domain for zone in api("GET", "domains")["domains"]):
        return
    api("POST", "domains", {"name": domain})
    for record in (
        {"type": "TXT", "name": "@", "data": _OWNER, "ttl": _SECONDS},
        {"type": "MX", "name": "@", "data": _MAIL, "priority": 10, "ttl": _SECONDS},
    ):
        api("POST", f"domains/{domain}/records", record)


def _hetzner_zone(domain: str) -> None:
    if hetzner("GET", f"zones?name={domain}")["zones"]:
        return
    hetzner("POST", "zones", {"name": domain, "mode": "primary"})
    for kind, value in (("TXT", f'"{_OWNER}"'), ("MX", f"10 {_MAIL}")):
        rrset: dict[str, Any] = {"name": "@", "type": kind, "ttl": _SECONDS, "records": [{"value": value}]}
        hetzner("POST", f"zones/{domain}/rrsets", rrset)


def _hetzner_keys(stack: str) -> Mapping[str, str]:
    return storage_keys.settings(paths.STATE, stack)


def _no_keys(stack: str) -> Mapping[str, str]:
    return {}


ACCOUNTS: Mapping[str, Account] = {
    "digitalocean": Account(region="fra1", ensure_zone=_digitalocean_zone, secrets=_no_keys),
    "hetzner": Account(region="fsn1", ensure_zone=_hetzner_zone, secrets=_hetzner_keys),
}


def environment() -> dict[str, str]:
    """Where the clouds' plugins and clients find them, and tokens that are good for nothing else."""
    return {
        "DIGITALOCEAN_API_URL": paths.API_URL,
        "DIGITALOCEAN_TOKEN": "local-rehearsal",
        "SPACES_ENDPOINT_URL": "https://{{.Region}}.digitaloceanspaces.com",
        "DIGITALOCEAN_HTTP_RETRY_MAX": "2",
        "HCLOUD_ENDPOINT": f"{paths.API_URL}/v1",
        "HCLOUD_TOKEN": "local-rehearsal".ljust(64, "0"),
    }
