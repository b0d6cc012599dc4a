"""DigitalOcean's public API, and what of a stack's an account lists in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from release.cli.clouds.api import Reader
from release.cli.clouds.cloud import Kind

__all__ = ["CURL", "KINDS", "PLUGIN", "Api", "ours"]

Json = Mapping[str, Any]


class Api(Reader):
    """DigitalOcean's way to page."""

    page = 200

    def __init__(self) -> None:
        url = os.environ.get("DIGITALOCEAN_API_URL", "https://api.digitalocean.com").rstrip("/")
        super().__init__(f"{url}/v2", "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")

    def more(self, found: Mapping[str, Any]) -> bool:
        return bool(((found.get("links") or {}).get("pages") or {}).get("next"))


CURL = (
    'curl -fsS -H "Authorization: Bearer $DIGITALOCEAN_TOKEN" -X DELETE '
    "${DIGITALOCEAN_API_URL:-https://api.digitalocean.com}/v2"
)
PLUGIN = "digitalocean:index/"
KINDS = (
    Kind("droplet", "droplet:Droplet", "droplets", "droplets", r"web-\d+", "doctl compute droplet delete"),
    Kind("database", "databaseCluster:DatabaseCluster", "databases", "databases", "database", "doctl databases delete"),
    Kind("firewall", "firewall:Firewall", "firewalls", "firewalls", "web", "doctl compute firewall delete"),
    Kind("network", "vpc:Vpc", "vpcs", "vpcs", "network", "doctl vpcs delete"),
    Kind("SSH key", "sshKey:SshKey", "account/keys", "ssh_keys", "login", "doctl compute ssh-key delete"),
    Kind("Spaces key", "spacesKey:SpacesKey", "spaces/keys", "keys", "spaces|media|releases", "", "access_key"),
    Kind("unassigned address", "reservedIp:ReservedIp", "reserved_ips", "reserved_ips", "", "", "ip"),
)


def ours(kind: Kind, row: Json, prefix: str, held: Sequence[Json]) -> bool:
    """Whether it is called as if it were a stack's, or carries a tag of it; an address has neither."""
    if not kind.role:
        regions = {(each.get("outputs") or {}).get("region") for each in held if each["type"].endswith(":ReservedIp")}
        return not row.get("droplet") and (not regions or row["region"]["slug"] in regions)
    tagged = any(re.fullmatch(rf"{prefix}-web-[0-9a-f]+", tag) for tag in row.get("tags") or [])
    named = re.fullmatch(rf"{prefix}-({kind.role})-[0-9a-f]{{7}}", row["name"]) is not None
    return (tagged or named) and not row.get("default")
