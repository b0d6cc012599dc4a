"""The rows of a Hetzner project: flat, JSON through and through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rehearsal.cloud.rows import Json


@dataclass(kw_only=True)
class Action:
    """Something asked of resources, and how far it is; `detail` is what a restart needs to finish it."""

    id: int
    command: str
    resources: list[Json]
    started: str
    status: str = "running"
    finished: str | None = None
    error: Json | None = None
    detail: Json = field(default_factory=dict)


@dataclass(kw_only=True)
class Resource:
    """What every other row has; `delete_protected` is what `change_protection` sets."""

    id: int
    name: str
    created: str
    labels: dict[str, str] = field(default_factory=dict)
    delete_protected: bool = False


@dataclass(kw_only=True)
class SshKey(Resource):
    """A public key of the project."""

    public_key: str
    fingerprint: str


@dataclass(kw_only=True)
class Network(Resource):
    """A private network with its subnets and routes, as the API shows them."""

    ip_range: str
    subnets: list[Json] = field(default_factory=list)
    routes: list[Json] = field(default_factory=list)
    expose_routes_to_vswitch: bool = False


@dataclass(kw_only=True)
class Server(Resource):
    """A machine; `keys` are public keys, `private_net` is as the API shows it, `doomed` while it is being deleted."""

    server_type: str
    location: str
    image: int
    user_data: str
    status: str = "initializing"
    doomed: bool = False
    made: bool = False
    keys: list[str] = field(default_factory=list)
    private_net: list[Json] = field(default_factory=list)
    placement_group: int | None = None
    primary_disk_size: int = 0
    backup_window: str | None = None
    rebuild_protected: bool = False


@dataclass(kw_only=True)
class Volume(Resource):
    """A block device; `server` is who has it."""

    size: int
    location: str
    format: str | None = None
    server: int | None = None
    status: str = "creating"


@dataclass(kw_only=True)
class PrimaryIp(Resource):
    """An address that a server is born with; `dns_ptr` maps addresses to names."""

    type: str
    ip: str
    location: str
    assignee_id: int | None = None
    auto_delete: bool = False
    dns_ptr: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class FloatingIp(Resource):
    """An address that moves between servers; `dns_ptr` maps addresses to names."""

    type: str
    ip: str
    home_location: str
    description: str = ""
    server: int | None = None
    dns_ptr: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Firewall(Resource):
    """A cloud firewall with its rules as the API got them; `selectors` are label selectors."""

    rules: list[Json] = field(default_factory=list)
    servers: list[int] = field(default_factory=list)
    selectors: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class PlacementGroup(Resource):
    """Servers that shall not share a host."""

    type: str = "spread"


@dataclass(kw_only=True)
class Zone(Resource):
    """A DNS zone."""

    ttl: int
    serial: int = 1


@dataclass(kw_only=True)
class RrSet:
    """All records of one name and type in a zone; without a `ttl` the zone's holds."""

    id: str
    zone: int
    name: str
    type: str
    ttl: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    records: list[Json] = field(default_factory=list)
    change_protected: bool = False


# Server numbers name machines, so they must never meet the numbers of another cloud's machines.
FIRST_IDS = {
    "action": 1500000000001,
    "ssh_key": 24000001,
    "network": 11000001,
    "server": 104000001,
    "volume": 102000001,
    "primary_ip": 88000001,
    "floating_ip": 77000001,
    "firewall": 2000001,
    "placement_group": 500001,
    "zone": 700001,
}
ROWS: dict[str, type[Any]] = {
    "actions": Action,
    "ssh_keys": SshKey,
    "networks": Network,
    "servers": Server,
    "volumes": Volume,
    "primary_ips": PrimaryIp,
    "floating_ips": FloatingIp,
    "firewalls": Firewall,
    "placement_groups": PlacementGroup,
    "zones": Zone,
    "rrsets": RrSet,
}


@dataclass(kw_only=True)
class Tables:
    """Every row there is, by its id."""

    actions: dict[int, Action] = field(default_factory=dict)
    ssh_keys: dict[int, SshKey] = field(default_factory=dict)
    networks: dict[int, Network] = field(default_factory=dict)
    servers: dict[int, Server] = field(default_factory=dict)
    volumes: dict[int, Volume] = field(default_factory=dict)
    primary_ips: dict[int, PrimaryIp] = field(default_factory=dict)
    floating_ips: dict[int, FloatingIp] = field(default_factory=dict)
    firewalls: dict[int, Firewall] = field(default_factory=dict)
    placement_groups: dict[int, PlacementGroup] = field(default_factory=dict)
    zones: dict[int, Zone] = field(default_factory=dict)
    rrsets: dict[str, RrSet] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=lambda: dict(FIRST_IDS))

    def next_id(self, kind: str) -> int:
        """Give the next number of a kind; numbers are never used twice."""
        number = self.ids[kind]
        self.ids[kind] = number + 1
        return number

    def resources(self) -> dict[str, list[Resource]]:
        """Give everything users made, by table."""
        return {name: list(getattr(self, name).values()) for name, kind in ROWS.items() if issubclass(kind, Resource)}

    def addresses(self) -> Iterator[str]:
        """Give every address by which a machine of this cloud may speak to the cloud."""
        yield from (ip.ip for ip in self.primary_ips.values())
        yield from (ip.ip for ip in self.floating_ips.values())
        yield from (net["ip"] for server in self.servers.values() for net in server.private_net)

    def dump(self) -> Json:
        """Give everything as plain JSON."""
        return {"ids": self.ids, **{name: [asdict(row) for row in getattr(self, name).values()] for name in ROWS}}


def load(document: Json) -> Tables:
    """Read what `Tables.dump` wrote; what a file of an earlier version lacks is empty."""
    tables = Tables(ids={**FIRST_IDS, **document.get("ids", {})})
    for name, row_type in ROWS.items():
        known = {f.name for f in fields(row_type)}
        for plain in document.get(name, []):
            row = row_type(**{k: v for k, v in plain.items() if k in known})
            getattr(tables, name)[row.id] = row
    return tables
