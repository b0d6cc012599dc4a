"""How Hetzner Cloud keeps the promises of `Cloud`, and of `DataServers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pulumi
import pulumi_hcloud as hcloud
from pulumi import Input, Output, Resource, ResourceOptions

from components.clouds.cloud import (
    NEVER_ROTATED,
    Address,
    Bucket,
    Cloud,
    Database,
    DataServer,
    DataServers,
    Fail,
    Generations,
    Names,
    OnServer,
    Order,
    Server,
    Storage,
)
from components.clouds.hetzner_account import (
    IMAGE,
    Rrsets,
    check,
    explain,
    foreign,
    memory,
    network_zone,
    refuse,
    rrsets,
    server_type,
)
from components.clouds.hetzner_buckets import make_bucket
from components.clouds.hetzner_firewall import Rule, data, inbound, told, web
from components.clouds.hetzner_strays import there_already, warn_of_servers
from components.clouds.options import adoptable, after, merge
from components.clouds.words import unclaimed

NETWORK, SUBNET = "10.0.0.0/16", "10.0.1.0/24"
DATA_ADDRESS = "10.0.1.10"
RECORD_SECONDS = 300
OWN_KEYS = "has no meaning on hetzner, where you make the pairs, docs/guide.md, Rotating secrets, says how"


class Hetzner:
    """Servers behind a floating IP, Postgres on a server of its own, object storage; a token and two pairs of keys."""

    @staticmethod
    def refuse(order: Order, *, fail: Fail) -> None:
        refuse(order, fail=fail)

    @staticmethod
    def check(order: Order, *, fail: Fail) -> None:
        check(order, fail=fail)

    @staticmethod
    def memory(size: str, *, region: str) -> int | None:
        return memory(size, region)

    @staticmethod
    def connections(size: str) -> int | None:
        return None  # no database is sold

    def __init__(
        self,
        *,
        region: str,
        network: str | None,
        storage: Storage | None,
        generations: Generations = NEVER_ROTATED,
        names: Names,
        protect: bool,
        fail: Fail,
        parent: Resource,
    ) -> None:
        self._region = region
        if generations.storage != NEVER_ROTATED.storage:
            fail("rotations.storage-keys", OWN_KEYS)
        self._storage = storage
        self._names = names
        self._protect = protect
        self._fail = fail
        self._shared = ResourceOptions(parent=parent)
        self._records: dict[str, Rrsets] = {}
        self._floating: dict[Address, hcloud.FloatingIp] = {}
        self._key: hcloud.SshKey | None = None
        self._servers: list[hcloud.Server] = []
        # a label's value has 63 characters at the most, and letters or digits at its ends
        self._stack = names.environment[:63].strip("._-")
        self._labels: dict[str, Input[str]] = {"project": names.site, "stack": self._stack, "suffix": names.suffix}
        self.made: dict[str, Any] = {"machines": {}, "buckets": {}, "records": {}, "selector": self._selector}

    def servers(
        self,
        user_data: Mapping[str, Input[str]],
        *,
        size: str,
        generation: int,
        login_public_key: Input[str],
        ssh_from: Sequence[str],
        opts: ResourceOptions,
    ) -> list[Server]:
        key = self._login(login_public_key)
        wall = self._firewall("web", web(ssh_from), opts)
        spread = self._spread(opts) if len(user_data) > 1 else None
        options = self._replaced(generation, opts)
        made = []
        for name, text in user_data.items():
            machine = self._server(name, text, size, key, wall, spread, options)
            inside = hcloud.ServerNetwork(
                name, server_id=_number(machine.id), subnet_id=self._subnet.id, opts=self._gone_with(machine, opts)
            )
            self.made["machines"][name] = {"id": machine.id, "size": machine.server_type}
            made.append(Server(name=name, host=after(machine.ipv4_address, inside), machine=machine))
        return made

    def data_server(
        self,
        name: str,
        user_data: Input[str],
        *,
        size: str,
        disk_gb: int,
        generation: int,
        login_public_key: Input[str],
        ssh_from: Sequence[str],
        opts: ResourceOptions,
    ) -> DataServer:
        key = self._login(login_public_key)
        wall = self._firewall(name, data(ssh_from), opts)
        disk = hcloud.Volume(
            self._names.plain(name),
            size=disk_gb,
            location=self._region,
            format="ext4",
            labels=self._labels,
            delete_protection=self._protect,
            opts=self._guarded(opts),
        )
        # the old one first, with what ties it to its disk and its address: neither is ever at two machines
        old_first = merge(opts, delete_before_replace=True)
        machine = self._server(name, user_data, size, key, wall, None, self._replaced(generation, old_first))
        inside = hcloud.ServerNetwork(
            name, server_id=_number(machine.id), subnet_id=self._subnet.id, ip=DATA_ADDRESS, opts=old_first
        )
        held = hcloud.VolumeAttachment(
            name, server_id=_number(machine.id), volume_id=_number(disk.id), automount=False, opts=old_first
        )
        self.made["data"] = {"name": name, "id": machine.id, "size": machine.server_type, "disk": disk.id}
        return DataServer(
            server=Server(name=name, host=after(machine.ipv4_address, inside, held), machine=machine),
            private=Output.from_input(DATA_ADDRESS),
            disk=after(disk.linux_device, held),
        )

    def address(self, name: str, *, opts: ResourceOptions) -> Address:
        floating = hcloud.FloatingIp(
            self._names.plain(name),
            type="ipv4",
            home_location=self._region,
            labels=self._labels,
            delete_protection=self._protect,
            opts=self._guarded(opts),
        )
        self.made["address"] = floating.ip_address
        address = Address(ip=floating.ip_address)
        self._floating[address] = floating
        return address

    def assign(self, name: str, *, address: Address, server: Server, opts: ResourceOptions) -> Resource:
        return hcloud.FloatingIpAssignment(
            name,
            floating_ip_id=_number(self._floating[address].id),
            server_id=_number(server.machine.id),
            opts=self._gone_with(server.machine, opts),
        )

    def reverse(self, host: str, *, address: Address, opts: ResourceOptions) -> None:
        floating = self._floating[address]
        hcloud.Rdns(
            host,
            floating_ip_id=_number(floating.id),
            ip_address=floating.ip_address,
            dns_ptr=host,
            opts=self._gone_with(floating, opts),
        )

    def database(
        self,
        name: str,
        *,
        size: str,
        standby: bool,
        on_server: OnServer,
        opts: ResourceOptions,
    ) -> Database:
        return on_server(self)

    def bucket(self, name: str, *, versioned: bool = False, kept: bool = False, opts: ResourceOptions) -> Bucket:
        assert self._storage, "check() refuses an environment without them"
        called = self._names.unique(name)
        made = make_bucket(
            name,
            called=called,
            owner=Output.concat(self._names.prefix, "-", self._names.suffix),
            region=self._region,
            storage=self._storage,
            versioned=versioned,
            kept=kept,
            protect=self._protect,
            opts=opts,
        )
        self.made["buckets"][name] = Output.concat("https://", made.name, f".{made.region}.your-objectstorage.com")
        return made

    def record(self, host: str, *, zone: str, address: Address, opts: ResourceOptions) -> None:
        label = "@" if host == zone else host.removesuffix(f".{zone}")
        standing = foreign(host, label, zone, self._zone(zone), stack=self._names.environment)
        free = unclaimed(host, standing, fail=self._fail)
        self.made["records"][host] = {"zone": zone, "name": label}
        hcloud.ZoneRrset(
            host,
            zone=zone,
            name=label,
            type="A",
            ttl=RECORD_SECONDS,
            records=[hcloud.ZoneRrsetRecordArgs(value=address.ip)],
            opts=merge(adoptable(opts), hooks=pulumi.ResourceHookBinding(before_create=[free])),
        )

    def warn_of_strays(self, *, before: Sequence[Mapping[str, Any]], resource: Resource) -> None:
        warn_of_servers(self._servers, before=before, selector=self._selector, resource=resource)

    def _server(
        self,
        name: str,
        user_data: Input[str],
        size: str,
        key: hcloud.SshKey,
        wall: hcloud.Firewall,
        spread: hcloud.PlacementGroup | None,
        opts: ResourceOptions,
    ) -> hcloud.Server:
        server = hcloud.Server(
            self._names.plain(name),  # named by the engine: a name of our own would mean the old machine goes first
            image=IMAGE,
            location=self._region,
            server_type=server_type(size, self._region),
            ssh_keys=[key.id],  # without one Hetzner makes a root password and mails it
            user_data=Output.secret(user_data),
            firewall_ids=[_number(wall.id)],  # in front of it from its birth on
            placement_group_id=_number(spread.id) if spread else None,
            labels=self._labels,
            opts=opts,
        )
        self._servers.append(server)
        return server

    def _login(self, public_key: Input[str]) -> hcloud.SshKey:
        """One for all machines: who may log in is in their user data, and a project takes a key only once."""
        if self._key is None:
            login = self._names.plain("login")
            options = ResourceOptions.merge(self._shared, there_already(login))
            self._key = hcloud.SshKey(login, public_key=public_key, labels=self._labels, opts=options)
        return self._key

    def _firewall(self, name: str, wanted: Sequence[Rule], opts: ResourceOptions) -> hcloud.Firewall:
        wall = hcloud.Firewall(self._names.plain(name), rules=inbound(wanted), labels=self._labels, opts=opts)
        self.made.setdefault("firewalls", {})[name] = {"id": wall.id, "inbound": told(wanted)}
        return wall

    def _spread(self, opts: ResourceOptions) -> hcloud.PlacementGroup:
        return hcloud.PlacementGroup(self._names.plain("web"), type="spread", labels=self._labels, opts=opts)

    def _replaced(self, generation: int, opts: ResourceOptions) -> ResourceOptions:
        return merge(
            opts,
            ignore_changes=["userData", "sshKeys", "image"],
            replacement_trigger=generation,
            replace_on_changes=["serverType"],
            hooks=self._explained,
        )

    def _gone_with(self, resource: Resource, opts: ResourceOptions) -> ResourceOptions:
        """What the cloud takes away by itself when the resource goes."""
        return merge(opts, deleted_with=resource)

    @cached_property
    def _explained(self) -> pulumi.ResourceHookBinding:
        return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("explain", explain)])

    @property
    def _selector(self) -> Output[str]:
        """The labels as the API and its tools look for them."""
        own = f"project={self._names.site},stack={self._stack},suffix="
        return Output.concat(own, self._names.suffix)

    @cached_property
    def _subnet(self) -> hcloud.NetworkSubnet:
        guarded = self._guarded(self._shared)
        network = hcloud.Network(
            self._names.plain("network"),
            ip_range=NETWORK,
            labels=self._labels,
            delete_protection=self._protect,
            opts=guarded,
        )
        return hcloud.NetworkSubnet(
            "network",
            network_id=_number(network.id),
            type="cloud",
            network_zone=network_zone(self._region),
            ip_range=SUBNET,
            opts=guarded,
        )

    def _guarded(self, opts: ResourceOptions) -> ResourceOptions:
        """What holds data, or keeps it within reach: protected, and found again where it was imported."""
        return merge(adoptable(opts), protect=self._protect, hooks=self._explained)

    def _zone(self, zone: str) -> Rrsets:
        if zone not in self._records:
            self._records[zone] = rrsets(zone, fail=self._fail)
        return self._records[zone]


def _number(id: Output[str]) -> Output[int]:
    return id.apply(int)


_: type[Cloud] = Hetzner
__: type[DataServers] = Hetzner
