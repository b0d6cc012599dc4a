"""The rows of the cloud's state: flat, JSON through and through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True)
class SshKey:
    """A public key of the account."""

    id: int
    name: str
    public_key: str
    fingerprint: str


@dataclass(kw_only=True)
class Vpc:
    """A private network; `wired` once the computer below has made it."""

    id: str
    name: str
    region: str
    description: str
    ip_range: str
    created_at: str
    default: bool = False
    wired: bool = False


@dataclass(kw_only=True)
class Droplet:
    """A machine; `keys` are public keys, `doomed` while it is being destroyed."""

    id: int
    name: str
    region: str
    size: str
    image: int
    created_at: str
    public_ip: str
    private_ip: str
    vpc_uuid: str
    user_data: str
    status: str = "new"
    locked: bool = True
    doomed: bool = False
    keys: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Action:
    """Something asked of a resource, and how far it is; `detail` is what a restart needs to finish it."""

    id: int
    type: str
    resource_id: int
    resource_type: str
    region: str
    started_at: str
    status: str = "in-progress"
    completed_at: str | None = None
    detail: Json = field(default_factory=dict)


@dataclass(kw_only=True)
class ReservedIp:
    """A public address that can move between droplets."""

    ip: str
    region: str
    project_id: str
    droplet_id: int | None = None
    locked: bool = False


@dataclass(kw_only=True)
class Firewall:
    """A cloud firewall with its rules as the API got them."""

    id: str
    name: str
    created_at: str
    status: str = "waiting"
    droplet_ids: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    inbound_rules: list[Json] = field(default_factory=list)
    outbound_rules: list[Json] = field(default_factory=list)


@dataclass(kw_only=True)
class Database:
    """A Postgres cluster; `users` maps names to passwords, `asked` is the size it is on its way to."""

    id: str
    name: str
    version: str
    size: str
    region: str
    num_nodes: int
    created_at: str
    vpc_uuid: str
    host_ip: str
    project_id: str
    storage_size_mib: int
    status: str = "creating"
    doomed: bool = False
    users: dict[str, str] = field(default_factory=dict)
    user_settings: dict[str, Json] = field(default_factory=dict)
    dbs: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    rules: list[Json] = field(default_factory=list)
    config: Json = field(default_factory=dict)
    maintenance: Json = field(default_factory=dict)
    asked: Json = field(default_factory=dict)
    backups: list[Json] = field(default_factory=list)  # with the users and databases of that time
    copy_of: list[str] = field(default_factory=list)  # another cluster and one of its backups


@dataclass(kw_only=True)
class Domain:
    """A DNS zone."""

    name: str
    ttl: int = 1800
    serial: int = 1


@dataclass(kw_only=True)
class Record:
    """One line of a zone, its data without a trailing dot."""

    id: int
    domain: str
    type: str
    name: str
    data: str
    ttl: int = 1800
    priority: int | None = None
    port: int | None = None
    weight: int | None = None
    flags: int | None = None
    tag: str | None = None


@dataclass(kw_only=True)
class SpacesKey:
    """A key for object storage and the buckets it opens."""

    access_key: str
    secret_key: str
    name: str
    created_at: str
    grants: list[Json] = field(default_factory=list)


@dataclass(kw_only=True)
class Bucket:
    """A bucket, the region it lives in and its policy as it was sent."""

    name: str
    region: str
    created_at: str
    policy: str = ""


@dataclass(kw_only=True)
class Tag:
    """A name put on resources."""

    name: str


@dataclass(kw_only=True)
class Project:
    """A folder of the account."""

    id: str
    name: str
    created_at: str
    updated_at: str
    description: str = ""
    purpose: str = "Web Application"
    environment: str = "Development"
    is_default: bool = False
