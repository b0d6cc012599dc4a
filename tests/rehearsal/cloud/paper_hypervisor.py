"""A computer made of paper: keeps the Hypervisor's promises in memory, and remembers what was asked."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from rehearsal.cloud.ports import FirewallRules, MachineState, PowerAction


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
        public_ip: str,
        private_ip: str | None,
        vpc_range: str | None,
        ssh_keys: list[str],
        region: str,
        tags: list[str],
        memory_mb: int,
    ) -> None:
        """Remember a machine."""
        self._note("create_machine")
        about = {k: v for k, v in locals().items() if k != "self"}
        self._labour()
        self.machines[id] = PaperMachine(about)

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
    ) -> None:
        """Remember a cluster."""
        self._note("create_database")
        about = {k: v for k, v in locals().items() if k != "self"}
        self._labour()
        self.clusters[id] = PaperCluster(about)

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
