"""What the cloud's APIs ask of the computer below them.

The daemon takes `rehearsal.system.hypervisor.Hypervisor()`, `rehearsal.system.ca.issue`,
`rehearsal.system.processes.spawn` and, of `rehearsal.system.network`, `allowed_names()` (a leading "." or "*." means
the whole suffix) and `allow_addresses`.

Order of calls: `create_network` before the first machine or cluster of a VPC (default VPCs only when first used);
`set_firewalls` before `create_machine`, always with the whole picture; after a daemon's restart `adopt`, then
`set_firewalls`, `assign_address` and `set_trusted` again for everything. In a VPC's range .1 is the gateway; the API
hands out .2 and up to machines and clusters alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

MachineState = Literal["running", "stopped", "absent"]
PowerAction = Literal["reboot", "power_off", "power_on", "shutdown"]
IpProtocol = Literal["tcp", "udp", "icmp", "esp", "gre"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of a cloud firewall; tags and droplet ids are already resolved to addresses.

    `ports` is "" for all ports (and for icmp), "22" or "8000-9000".
    `addresses` are CIDRs or plain addresses, v4 and v6; an empty tuple matches nobody.
    """

    protocol: IpProtocol
    ports: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FirewallRules:
    """One attached firewall; several on a droplet add up. Whatever no rule names is dropped."""

    name: str
    inbound: tuple[Rule, ...]
    outbound: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Nic:
    """A machine's place in a private network whose addresses other networks may have too."""

    network: int
    ip_range: str
    address: str
    mac: str


class Hypervisor(Protocol):
    """Machines, networks, volumes and Postgres clusters; every call may block and is made outside the API's lock."""

    def create_machine(
        self,
        *,
        id: int,
        name: str,
        user_data: str,
        public_ip: str | None,
        private_ip: str | None,
        vpc_range: str | None,
        ssh_keys: list[str],
        region: str,
        tags: list[str],
        memory_mb: int,
        seed: Literal["config-drive", "nocloud"] = "config-drive",
        nics: Sequence[Nic] = (),
    ) -> None:
        """Start a machine; returns when its process runs. Called again for a half-made machine after a crash.

        One born from `nocloud` carries the addresses assigned to it itself, as at Hetzner; for others they are
        translated, as at DigitalOcean.
        """

    def machine_state(self, id: int) -> MachineState:
        """Say whether the machine's process runs."""

    def power(self, id: int, action: PowerAction) -> None:
        """Switch a machine; returns when the new state is reached."""

    def destroy_machine(self, id: int) -> None:
        """Remove a machine and its disk; an absent one is fine."""

    def assign_address(self, address: str, id: int | None) -> None:
        """Route a reserved address to a machine, or to nobody."""

    def set_firewalls(self, rules: dict[int, list[FirewallRules]]) -> None:
        """Replace all firewalls; a droplet that is not named has none and is open. Ids may not run (yet)."""

    def create_network(self, vpc_id: str, ip_range: str) -> None:
        """Make a VPC's network."""

    def destroy_network(self, vpc_id: str) -> None:
        """Remove a VPC's network; an absent one is fine."""

    def set_public_address(self, id: int, address: str | None) -> None:
        """Give a machine that is off another public address, or none."""

    def create_lan(self, id: int) -> None:
        """Make a private network that may have the same addresses as others; one that is there is fine."""

    def destroy_lan(self, id: int) -> None:
        """Remove such a network; an absent one is fine."""

    def join_lan(self, id: int, nic: Nic) -> None:
        """Plug a machine into such a network, running or not; a member already is fine."""

    def leave_lan(self, id: int, network: int) -> None:
        """Unplug a machine from it; one that is no member is fine."""

    def create_volume(self, id: int, *, gigabytes: int, format: str | None) -> None:
        """Make a volume, with a file system when a format is given; one that is there is fine."""

    def resize_volume(self, id: int, *, gigabytes: int) -> None:
        """Make a volume larger; the file system is not touched."""

    def attach_volume(self, id: int, machine: int, *, name: str) -> None:
        """Show a volume to a machine as /dev/disk/by-id/NAME, running or not; another holder is an error."""

    def detach_volume(self, id: int) -> None:
        """Take a volume away from its machine, mounted or not; one that nobody has is fine."""

    def destroy_volume(self, id: int) -> None:
        """Remove a volume with its data; an absent one is fine."""

    def create_database(
        self,
        *,
        id: str,
        name: str,
        host_ip: str,
        names: list[str],
        port: int,
        admin_password: str,
        max_connections: int,
        version: str,
        copy_of: tuple[str, str] | None = None,
    ) -> None:
        """Make a cluster that answers on `host_ip` with a certificate for `names`, and wait until it accepts.

        It has the role `doadmin` (LOGIN CREATEDB CREATEROLE, no superuser) with the password and the database
        `defaultdb` owned by it. `max_connections` is what users get; what the superuser keeps comes on top.
        Called again for a half-made cluster after a crash. `copy_of` is another cluster and the label of one of its
        copies: then it has what was in that one, and only the password of `doadmin` is its own.
        """

    def back_up_database(self, id: str, label: str) -> int:
        """Copy a running cluster as it is now, under this label; the copy's bytes."""

    def resize_database(self, id: str, *, max_connections: int) -> None:
        """Give a cluster as many connections as its new plan has; who is connected is cut off once."""

    def database_ca(self) -> str:
        """Give the PEM of the authority that signs the clusters' certificates."""

    def database_sql(self, id: str, *, database: str, statements: list[str]) -> None:
        """Run statements one by one (autocommit: CREATE DATABASE is among them) as the real superuser."""

    def set_trusted(self, id: str, addresses: list[str]) -> None:
        """Let only these addresses or CIDRs reach a cluster: [] is nobody; without trusted sources it is 0.0.0.0/0."""

    def destroy_database(self, id: str) -> None:
        """Remove a cluster with its data; an absent one is fine."""

    def adopt(self) -> None:
        """After the daemon was restarted: find again what still runs and restart what should run."""

    def destroy_all(self) -> None:
        """Remove every machine, network and cluster."""


class Authority(Protocol):
    """Issues server certificates that everything in the rehearsal trusts."""

    def __call__(self, names: Sequence[str], /) -> tuple[str, str]:
        """Give certificate chain and key as PEM."""


class Gate(Protocol):
    """Lets machines reach resolved package sources."""

    def __call__(self, addresses: Sequence[str], /) -> None:
        """Open the way to these addresses for a while."""


class Spawn(Protocol):
    """Starts a process that outlives the daemon and is recorded by exact id."""

    def __call__(self, kind: str, name: str, argv: Sequence[str], *, environment: Mapping[str, str]) -> object:
        """Start it, or leave the recorded one alone when it still runs."""
