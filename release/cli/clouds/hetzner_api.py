"""Hetzner Cloud's public API, and what of a stack's a project lists in it."""

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
    """Hetzner's way to page."""

    def __init__(self) -> None:
        super().__init__(os.environ.get("HCLOUD_ENDPOINT", "https://api.hetzner.cloud/v1"), "HCLOUD_TOKEN")

    def more(self, found: Mapping[str, Any]) -> bool:
        return bool(((found.get("meta") or {}).get("pagination") or {}).get("next_page"))


CURL = 'curl -fsS -H "Authorization: Bearer $HCLOUD_TOKEN" -X DELETE ${HCLOUD_ENDPOINT:-https://api.hetzner.cloud/v1}'
PLUGIN = "hcloud:index/"
KINDS = (
    Kind("server", "server:Server", "servers", "servers", r"web-\d+|database", "hcloud server delete"),
    Kind("volume", "volume:Volume", "volumes", "volumes", "database", "hcloud volume delete"),
    Kind("firewall", "firewall:Firewall", "firewalls", "firewalls", "web|database", "hcloud firewall delete"),
    Kind("network", "network:Network", "networks", "networks", "network", "hcloud network delete"),
    Kind("SSH key", "sshKey:SshKey", "ssh_keys", "ssh_keys", "login", "hcloud ssh-key delete"),
    Kind("address", "floatingIp:FloatingIp", "floating_ips", "floating_ips", "address", "hcloud floating-ip delete"),
    Kind("placement group", "placementGroup:PlacementGroup", "placement_groups", "placement_groups", "web", ""),
)


def ours(kind: Kind, row: Json, prefix: str, held: Sequence[Json]) -> bool:
    """Whether it is called as if it were a stack's."""
    return re.fullmatch(rf"{prefix}-({kind.role})-[0-9a-f]{{7}}", row["name"]) is not None
