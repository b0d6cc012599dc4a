"""The computer below the cloud's APIs: machines, networks and databases, and how all of it starts and goes away."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal import paths
from rehearsal.system import (
    acme,
    ca,
    cgroups,
    commands,
    doorway,
    inside,
    lans,
    machines,
    network,
    postgres,
    processes,
    seeds,
    traces,
    volumes,
    wiring,
)
from rehearsal.system.firewall import FirewallRules
from rehearsal.system.machines import MachineState, PowerAction


class Hypervisor:
    """What the cloud's daemon asks for; every call may block, and says so by returning when it is done."""

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
        seed: seeds.Seed = "config-drive",
        nics: Sequence[lans.Nic] = (),
    ) -> None:
        """Start a machine, or go on with one that was half made."""
        memberships: tuple[lans.Membership, ...] = ()
        for nic in nics:
            memberships = lans.with_nic(memberships, nic)
        plug = wiring.Plug(
            machine=id,
            public=public_ip,
            private=private_ip,
            vpc_range=vpc_range,
            memberships=memberships,
            carries=seed == "nocloud",
        )
        birth = seeds.Birth(plug=plug, name=name, user_data=user_data, ssh_keys=ssh_keys, region=region)
        machines.create(birth=birth, seed=seed, tags=tags, memory_mb=memory_mb)

    def machine_state(self, id: int) -> MachineState:
        """Say whether a machine runs."""
        return machines.state(id)

    def power(self, id: int, action: PowerAction) -> None:
        """Switch a machine."""
        machines.power(id, action)

    def destroy_machine(self, id: int) -> None:
        """Remove a machine and its disk."""
        machines.destroy(id)

    def assign_address(self, address: str, id: int | None) -> None:
        """Route a reserved address to a machine, or to nobody."""
        wiring.assign(address, id)

    def set_firewalls(self, rules: Mapping[int, Sequence[FirewallRules]]) -> None:
        """Replace the rules of the cloud firewall."""
        wiring.set_firewalls(rules)

    def create_network(self, vpc_id: str, ip_range: str) -> None:
        """Make a VPC's network."""
        wiring.create_network(vpc_id, ip_range)

    def destroy_network(self, vpc_id: str) -> None:
        """Remove a VPC's network."""
        wiring.destroy_network(vpc_id)

    def set_public_address(self, id: int, address: str | None) -> None:
        """Give a machine that is off another public address, or none."""
        machines.set_public_address(id, address)

    def create_lan(self, id: int) -> None:
        """Make a private network whose addresses others may have too."""
        wiring.create_lan(id)

    def destroy_lan(self, id: int) -> None:
        """Remove such a network."""
        wiring.destroy_lan(id)

    def join_lan(self, id: int, nic: lans.Nic) -> None:
        """Plug a machine into such a network, running or not."""
        machines.join(id, nic)

    def leave_lan(self, id: int, network: int) -> None:
        """Unplug a machine from it."""
        machines.leave(id, network=network)

    def create_volume(self, id: int, *, gigabytes: int, format: str | None) -> None:
        """Make a volume."""
        volumes.create(id, gigabytes=gigabytes, format=format)

    def resize_volume(self, id: int, *, gigabytes: int) -> None:
        """Make a volume larger."""
        volumes.resize(id, gigabytes=gigabytes)

    def attach_volume(self, id: int, machine: int, *, name: str) -> None:
        """Give a volume to a machine, running or not."""
        machines.attach(machine, id, name=name)

    def detach_volume(self, id: int) -> None:
        """Take a volume away from its machine."""
        volumes.detach(id)

    def destroy_volume(self, id: int) -> None:
        """Remove a volume with its data."""
        volumes.destroy(id)

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
        """Make a Postgres cluster, empty or out of another one's backup, and wait until it accepts connections."""
        postgres.create(
            cluster=id,
            host_ip=host_ip,
            names=names,
            port=port,
            admin_password=admin_password,
            max_connections=max_connections,
            version=version,
            copy_of=copy_of,
        )

    def back_up_database(self, id: str, label: str) -> int:
        """Copy a cluster as it is now; the copy's bytes."""
        return postgres.back_up(id, label)

    def resize_database(self, id: str, *, max_connections: int) -> None:
        """Give a cluster as many connections as its new plan has."""
        postgres.resize(id, max_connections=max_connections)

    def database_ca(self) -> str:
        """The authority that signs the clusters' certificates."""
        return ca.databases().certificate()

    def database_sql(self, id: str, *, database: str, statements: list[str]) -> None:
        """Run statements as the superuser."""
        postgres.sql(id, database=database, statements=statements)

    def set_trusted(self, id: str, addresses: list[str]) -> None:
        """Let only these addresses reach a cluster."""
        postgres.set_trusted(id, addresses)

    def destroy_database(self, id: str) -> None:
        """Remove a cluster with its data."""
        postgres.destroy(id)

    def adopt(self) -> None:
        """Find again what runs, and restart what should."""
        acme.start()
        postgres.adopt()
        machines.adopt()

    def destroy_all(self) -> None:
        """Remove every machine, network and cluster."""
        for machine in machines.known():
            machines.destroy(machine)
        for volume in volumes.known():
            volumes.destroy(volume)
        for cluster in postgres.known():
            postgres.destroy(cluster)
        for address in list(wiring.known()["addresses"]):
            wiring.assign(address, None)
        for vpc in list(wiring.known()["networks"]):
            wiring.destroy_network(vpc)
        for lan in list(wiring.known()["lans"]):
            wiring.destroy_lan(int(lan))


LocalHypervisor = Hypervisor


def start_network() -> None:
    """Start what the daemon stands on: authority, namespaces, Pebble, the commands that go inside, the doorway."""
    paths.STATE.mkdir(parents=True, exist_ok=True)
    ca.write_bundle()
    network.start()
    wiring.restore()
    inside.write_plans()
    doorway.start()
    Hypervisor().adopt()


def spawn_daemon(argv: Sequence[str], *, log: Path | None = None) -> processes.Record:
    """Start the cloud's daemon in the main namespace, with the host's files as they are."""
    environment = {"PYTHONPATH": str(paths.REPOSITORY), "SLIPWAY_REHEARSAL_DIR": str(paths.STATE)}
    return processes.spawn("daemon", "cloud", commands.inside(argv), environment=environment, log=log)


def destroy_everything() -> None:
    """Remove every trace but caches and logs; needs no daemon, and does not mind what was killed before."""
    cgroups.kill()
    traces.end_strangers()
    traces.unmount_all()
    volumes.destroy_devices()
    network.destroy()
    for directory in (
        paths.RUN,
        paths.MACHINES,
        paths.POSTGRES,
        paths.VOLUMES,
        paths.STATE / "image",
        paths.STATE / "acme",
    ):
        shutil.rmtree(directory, ignore_errors=True)
    for file in (paths.STATE / "network.json", paths.DOORWAY):
        file.unlink(missing_ok=True)


def leftovers() -> list[str]:
    """Every trace of this rehearsal that is still on this computer, in words; without any the list is empty."""
    return traces.found()


if __name__ == "__main__":  # the way out when nothing else of the rehearsal can be trusted to run
    destroy_everything()
    sys.exit("\n".join(leftovers()) or 0)
