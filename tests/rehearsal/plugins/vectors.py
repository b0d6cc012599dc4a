"""What the official plugins answered, recorded in ../shared/contract, and which of it the stand-ins are held to.

`python -m tests.rehearsal.plugins.vectors` prints the table.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rehearsal.plugins.command import RESOURCES as COMMAND
from rehearsal.plugins.digitalocean.table import RESOURCES as DIGITALOCEAN
from rehearsal.plugins.hcloud.table import RESOURCES as HCLOUD
from rehearsal.plugins.rules import Resource
from rehearsal.plugins.tls import RESOURCES as TLS
from rehearsal.plugins.wire import UNKNOWN, Secret

CONTRACT = Path(__file__).resolve().parents[4] / "shared" / "contract" / "plugins"
SEED = b"0123456789abcdef" * 2
TABLES: Mapping[str, Mapping[str, Resource]] = {
    "digitalocean": DIGITALOCEAN,
    "hcloud": HCLOUD,
    "command": COMMAND,
    "random": importlib.import_module("rehearsal.plugins.random").RESOURCES,
    "tls": TLS,
}
UNUSED = "the program makes none; refused by name"
# Recorded resources that no stand-in offers, each with the reason.
NOT_OFFERED: Mapping[str, str] = {
    **{
        f"digitalocean:index/{name[0].lower()}{name[1:]}:{name}": UNUSED
        for name in (
            "ReservedIpv6", "ReservedIpv6Assignment", "Volume", "VolumeAttachment", "Certificate", "Cdn",
            "DatabaseConnectionPool", "DatabaseReplica", "SpacesBucketObject", "SpacesBucketCorsConfiguration",
            "SpacesBucketPolicy", "ProjectResources", "MonitorAlert", "UptimeCheck", "UptimeAlert",
        )
    },
    "digitalocean:index/loadBalancer:LoadBalancer": "one server to a site until there is a load balancer",
    **{
        f"hcloud:index/{name[0].lower()}{name[1:]}:{name}": UNUSED
        for name in (
            "LoadBalancer", "LoadBalancerNetwork", "LoadBalancerService", "LoadBalancerTarget", "ManagedCertificate",
            "UploadedCertificate", "ZoneRecord", "Snapshot",
        )
    },
    "command:remote:CopyToRemote": UNUSED,
    "command:remote:CopyFile": f"deprecated; {UNUSED}",
}  # fmt: skip

PEM = "-----BEGIN OF A KIND-----\nAAAA\n-----END OF A KIND-----\n"
# Inputs of resources for which no vector is recorded.
EXAMPLES: Mapping[str, Any] = {
    "tls:index/selfSignedCert:SelfSignedCert": {"privateKeyPem": PEM},
    "tls:index/certRequest:CertRequest": {"privateKeyPem": PEM},
    "tls:index/locallySignedCert:LocallySignedCert": {
        "caCertPem": PEM,
        "caPrivateKeyPem": PEM,
        "certRequestPem": PEM,
    },
}


@cache
def contract(plugin: str) -> Any:
    """Give what is recorded of a plugin; nothing where it is not on this computer."""
    file = CONTRACT / f"{plugin}.json"
    return json.loads(file.read_text()) if file.exists() else {"resources": {}, "functions": {}}


def recorded(plugin: str, token: str) -> list[Any]:
    """Give a resource's vectors."""
    return list(contract(plugin)["resources"].get(token, {}).get("vectors", []))


def from_wire(value: Any) -> Any:
    """Read the recorded form of secrets and unknowns."""
    if isinstance(value, dict):
        if set(value) == {"$secret"}:
            return Secret(from_wire(value["$secret"]))
        return UNKNOWN if set(value) == {"$unknown"} else {name: from_wire(child) for name, child in value.items()}
    return [from_wire(child) for child in value] if isinstance(value, list) else value


def _rows() -> Iterator[tuple[str, int, int, str]]:
    for plugin, table in TABLES.items():
        for token, entry in contract(plugin)["resources"].items():
            told = NOT_OFFERED.get(token, "held to" if token in table else "NEITHER HELD TO NOR EXPLAINED")
            none = "; none recorded, its table is compared" if token in table and not entry.get("vectors") else ""
            yield token, len(entry.get("vectors", [])), len(entry["inputProperties"]), told + none


def main() -> None:
    """Print one line for each recorded resource."""
    rows = list(_rows())
    for token, vectors, inputs, told in rows:
        print(f"{token:75} vectors {vectors}  inputs {inputs:2}  {told}")
    held = [row for row in rows if row[3].startswith("held")]
    print(
        f"{sum(row[1] for row in held)} vectors of {len(held)} resources held to, "
        f"{sum(row[1] for row in rows) - sum(row[1] for row in held)} of {len(rows) - len(held)} left out with a reason"
    )


if __name__ == "__main__":
    main()
