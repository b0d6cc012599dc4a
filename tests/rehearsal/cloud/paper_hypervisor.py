"""A computer made of paper: keeps the Hypervisor's promises in memory, and remembers what was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rehearsal.cloud.ports import FirewallRules, MachineState, Nic, PowerAction


@dataclass
class PaperMachine:
    """What a machine would be made of."""

    about: dict[str, Any]
    state: MachineState = "running"


@dataclass
class PaperCluster:
    """What a Postgres cluster would be made of."""

    about: dict[str, Any]
    statements: list[tuple[str, str]] = field(default_factory=list)
    trusted: list[str] | None = None
    copies: list[str] = field(default_factory=list)


@dataclass
class PaperVolume:
    """What a volume would be made of."""

    gigabytes: int
    format: str | None
    machine: int | None = None
    name: str = ""


class PaperHypervisor:
    """Holds every order it got; `seconds` is how long a birth takes, `refuse` names calls that fail."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.refuse: set[str] = set()
        self.machines: dict[int, PaperMachine] = {}
        self.clusters: dict[str, PaperCluster] = {}
        self.networks: dict[str, str] = {}
        self.addresses: dict[str, int] = {}
        self.firewalls: dict[int, list[FirewallRules]] = {}
        self.lans: dict[tuple[int, int], Nic] = {}  # by machine and network
        self.bridges: set[int] = set()
        self.volumes: dict[int, PaperVolume] = {}
        self.calls: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refuse:
            raise RuntimeError(f"{call}: refused on purpose")

    def _labour(self) -> None:
        time.sleep(self.seconds)
        assert self.gate.wait(10)

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
        """Remember a machine."""
        self._note("create_machine")
        about = {k: v for k, v in locals().items() if k != "self"}
        self._labour()
        self.machines[id] = PaperMachine(about)
        self.lans.update({(id, nic.network): nic for nic in nics})

    def machine_state(self, id: int) -> MachineState:
        """Say what a machine does."""
        return self.machines[id].state if id in self.machines else "absent"

    def power(self, id: int, action: PowerAction) -> None:
        """Switch a machine."""
        self._note("power")
        self._labour()
        self.machines[id].state = "stopped" if action in ("power_off", "shutdown") else "running"

    def destroy_machine(self, id: int) -> None:
        """Forget a machine."""
        self._note("destroy_machine")
        self._labour()
        self.machines.pop(id, None)
        for volume in self.volumes.values():
            volume.machine = None if volume.machine == id else volume.machine
        self.lans = {key: nic for key, nic in self.lans.items() if key[0] != id}

    def assign_address(self, address: str, id: int | None) -> None:
        """Route an address."""
        self._note("assign_address")
        if id is None:
            self.addresses.pop(address, None)
            return
        if id not in self.machines:
            raise RuntimeError(f"machine {id} does not exist")
        self.addresses[address] = id

    def set_firewalls(self, rules: dict[int, list[FirewallRules]]) -> None:
        """Replace all firewalls."""
        self._note("set_firewalls")
        self.firewalls = rules

    def create_network(self, vpc_id: str, ip_range: str) -> None:
        """Remember a network; it must be new."""
        self._note("create_network")
        assert vpc_id not in self.networks
        self.networks[vpc_id] = ip_range

    def destroy_network(self, vpc_id: str) -> None:
        """Forget a network."""
        self._note("destroy_network")
        self.networks.pop(vpc_id, None)

    def set_public_address(self, id: int, address: str | None) -> None:
        """Change what a machine would be started with."""
        self._note("set_public_address")
        assert self.machines[id].state == "stopped"
        self.machines[id].about["public_ip"] = address

    def create_lan(self, id: int) -> None:
        """Remember a network."""
        self._note("create_lan")
        self.bridges.add(id)

    def destroy_lan(self, id: int) -> None:
        """Forget a network; nobody may be in it."""
        self._note("destroy_lan")
        assert not any(network == id for _, network in self.lans)
        self.bridges.discard(id)

    def join_lan(self, id: int, nic: Nic) -> None:
        """Remember a member of a network."""
        self._note("join_lan")
        self._labour()
        assert nic.network in self.bridges
        self.lans[id, nic.network] = nic

    def leave_lan(self, id: int, network: int) -> None:
        """Forget a member of a network."""
        self._note("leave_lan")
        self.lans.pop((id, network), None)

    def create_volume(self, id: int, *, gigabytes: int, format: str | None) -> None:
        """Remember a volume."""
        self._note("create_volume")
        self._labour()
        self.volumes.setdefault(id, PaperVolume(gigabytes, format))

    def resize_volume(self, id: int, *, gigabytes: int) -> None:
        """Remember a volume's new size."""
        self._note("resize_volume")
        self.volumes[id].gigabytes = gigabytes

    def attach_volume(self, id: int, machine: int, *, name: str) -> None:
        """Give a volume to a machine; never to two."""
        self._note("attach_volume")
        self._labour()
        if self.volumes[id].machine not in (None, machine):
            raise RuntimeError(f"volume {id} has a machine")
        self.volumes[id].machine, self.volumes[id].name = machine, name

    def detach_volume(self, id: int) -> None:
        """Take a volume away."""
        self._note("detach_volume")
        self._labour()
        self.volumes[id].machine = None

    def destroy_volume(self, id: int) -> None:
        """Forget a volume."""
        self._note("destroy_volume")
        self.volumes.pop(id, None)

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
        """Remember a cluster."""
        self._note("create_database")
        about = {k: v for k, v in locals().items() if k != "self"}
        self._labour()
        self.clusters[id] = PaperCluster(about)

    def back_up_database(self, id: str, label: str) -> int:
        """Remember that it was copied."""
        self._note("back_up_database")
        self.clusters[id].copies.append(label)
        return 40_000_000

    def resize_database(self, id: str, *, max_connections: int) -> None:
        """Remember a cluster's new size."""
        self._note("resize_database")
        self._labour()
        self.clusters[id].about["max_connections"] = max_connections

    def database_ca(self) -> str:
        """Give something that looks like a certificate."""
        return "-----BEGIN CERTIFICATE-----\npaper\n-----END CERTIFICATE-----\n"

    def database_sql(self, id: str, *, database: str, statements: list[str]) -> None:
        """Remember statements."""
        self._note("database_sql")
        self.clusters[id].statements += [(database, statement) for statement in statements]

    def set_trusted(self, id: str, addresses: list[str]) -> None:
        """Remember who may reach a cluster."""
        self._note("set_trusted")
        self.clusters[id].trusted = addresses

    def destroy_database(self, id: str) -> None:
        """Forget a cluster."""
        self._note("destroy_database")
        self._labour()
        self.clusters.pop(id, None)

    def adopt(self) -> None:
        """Find everything again: paper does not forget."""
        self._note("adopt")

    def destroy_all(self) -> None:
        """Forget everything."""
        self.machines.clear()
        self.clusters.clear()
        self.networks.clear()
        self.addresses.clear()
        self.lans.clear()
        self.bridges.clear()
        self.volumes.clear()
