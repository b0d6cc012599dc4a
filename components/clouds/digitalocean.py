"""How DigitalOcean keeps the promises of `Cloud`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pulumi
import pulumi_digitalocean as do
from pulumi import Input, Output, Resource, ResourceOptions

from components.clouds.cloud import (
    KEPT_DAYS,
    NEVER_ROTATED,
    Address,
    Bucket,
    Cloud,
    Database,
    Fail,
    Generations,
    Login,
    Names,
    OnServer,
    Order,
    Server,
    Storage,
    of_generation,
    owner_of,
)
from components.clouds.digitalocean_account import (
    DATABASE_SIZES,
    IMAGE,
    SERVER_SIZES,
    Records,
    check,
    connections,
    explain,
    foreign,
    memory,
    records,
    refuse,
)
from components.clouds.digitalocean_firewall import inbound, outbound, rules, told
from components.clouds.digitalocean_strays import Strays, there_already
from components.clouds.options import adoptable, after, merge
from components.clouds.words import unclaimed

# Regions without Spaces, and the nearest one that has them.
SPACES_REGIONS: Mapping[str, str] = {"nyc1": "nyc3", "nyc2": "nyc3", "sfo1": "sfo3", "ams2": "ams3"}
RECORD_SECONDS = 300


class DigitalOcean:
    """Droplets behind a reserved IP, managed Postgres, Spaces; one token is all it asks for."""

    @staticmethod
    def refuse(order: Order, *, fail: Fail) -> None:
        refuse(order, fail=fail)

    @staticmethod
    def check(order: Order, *, fail: Fail) -> None:
        check(order, fail=fail)

    @staticmethod
    def memory(size: str, *, region: str) -> int | None:
        return memory(size)

    @staticmethod
    def connections(size: str) -> int | None:
        return connections(size)

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
        self._existing_network = network
        self._generations = generations
        self._names = names
        self._protect = protect
        self._fail = fail
        self._shared = ResourceOptions(parent=parent)
        self._records: dict[str, Records] = {}
        self._droplets: list[Resource] = []
        self._clusters: list[Resource] = []
        self.made: dict[str, Any] = {"machines": {}, "buckets": {}, "records": {}}

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
        login = self._names.plain("login")
        key = do.SshKey(login, public_key=login_public_key, opts=ResourceOptions.merge(opts, there_already(login)))
        wall = self._firewall(ssh_from, opts)
        options = merge(
            opts,
            depends_on=[wall],  # the tag puts it in front of a machine at birth
            ignore_changes=["userData", "sshKeys", "image"],
            replacement_trigger=generation,
            replace_on_changes=["size"],
            hooks=self._explained,
        )
        made = [self._droplet(name, data, size, key, options) for name, data in user_data.items()]
        self._droplets += [each.machine for each in made]
        return made

    def address(self, name: str, *, opts: ResourceOptions) -> Address:
        reserved = do.ReservedIp(name, region=self._region, opts=self._guarded(opts))
        self.made["address"] = reserved.ip_address
        return Address(ip=reserved.ip_address)

    def assign(self, name: str, *, address: Address, server: Server, opts: ResourceOptions) -> Resource:
        return do.ReservedIpAssignment(
            name,
            ip_address=address.ip,
            droplet_id=server.machine.id.apply(int),
            # deleting the assignment of a droplet that is gone crashes the plugin
            opts=merge(opts, deleted_with=server.machine),
        )

    def reverse(self, host: str, *, address: Address, opts: ResourceOptions) -> None:
        """A reserved IP answers to no name here."""

    def database(
        self,
        name: str,
        *,
        size: str,
        standby: bool,
        on_server: OnServer,
        opts: ResourceOptions,
    ) -> Database:
        guarded = self._guarded(opts)
        cluster = do.DatabaseCluster(
            self._names.plain(name),
            engine="pg",
            version="17",
            size=DATABASE_SIZES.get(size, size),
            node_count=2 if standby else 1,
            region=self._region,
            private_network_uuid=self._network,
            tags=[self._tag.name],
            opts=merge(guarded, ignore_changes=["name"]),  # the engine gives one, or it was imported with it
        )
        self._clusters.append(cluster)
        trusted = do.DatabaseFirewallRuleArgs(type="tag", value=self._tag.name)
        wall = do.DatabaseFirewall(name, cluster_id=cluster.id, rules=[trusted], opts=guarded)
        self.made["database"] = {"id": cluster.id, "size": cluster.size, "host": cluster.private_host}
        own = self._names.site.replace("-", "_")
        inside = ResourceOptions.merge(guarded, there_already(name))
        return _database(
            cluster,
            wall,
            do.DatabaseDb(name, cluster_id=cluster.id, name=own, opts=inside),
            [self._user(name, cluster, own, each, inside) for each in self._generations.database],
            owner=owner_of(own, self._generations.database),
        )

    def bucket(self, name: str, *, versioned: bool = False, kept: bool = False, opts: ResourceOptions) -> Bucket:
        # a name says nothing of what is in it: an imported bucket keeps its own
        guarded = merge(self._guarded(opts), provider=self._spaces, ignore_changes=["name"], retain_on_delete=kept)
        bucket = do.SpacesBucket(
            name,
            name=self._names.unique(name),
            region=self._spaces_region,
            acl="private",
            force_destroy=not (self._protect or kept),
            versioning=do.SpacesBucketVersioningArgs(enabled=True) if versioned else None,
            lifecycle_rules=[_forgotten()] if versioned else None,
            opts=guarded,
        )
        self.made["buckets"][name] = Output.concat(
            "https://", bucket.name, f".{self._spaces_region}.digitaloceanspaces.com"
        )
        grant = do.SpacesKeyGrantArgs(bucket=bucket.name, permission="readwrite")
        keys = [self._key(name, grant, each, opts) for each in self._generations.storage]
        return Bucket(
            name=bucket.name,
            region=self._spaces_region,
            endpoint=f"https://{self._spaces_region}.digitaloceanspaces.com",
            access_key=keys[-1].access_key,
            secret_key=_secret(keys[-1].secret_key),
        )

    def record(self, host: str, *, zone: str, address: Address, opts: ResourceOptions) -> None:
        label = "@" if host == zone else host.removesuffix(f".{zone}")
        standing = foreign(host, label, zone, self._zone(zone), stack=self._names.environment)
        free = unclaimed(host, standing, fail=self._fail)
        self.made["records"][host] = {"zone": zone, "name": label}
        do.DnsRecord(
            host,
            domain=zone,
            type="A",
            name=label,
            value=address.ip,
            ttl=RECORD_SECONDS,
            opts=merge(adoptable(opts), hooks=pulumi.ResourceHookBinding(before_create=[free])),
        )

    def warn_of_strays(self, *, before: Sequence[Mapping[str, Any]], resource: Resource) -> None:
        strays = Strays(tag=self._tag.name, before=before)
        strays.warn_of_droplets(self._droplets, resource=resource)
        if self._clusters:
            strays.warn_of_clusters(self._clusters, resource=resource)

    @cached_property
    def _explained(self) -> pulumi.ResourceHookBinding:
        return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("explain", explain)])

    @cached_property
    def _tag(self) -> do.Tag:
        tag = do.Tag("web", name=self._names.unique("web"), opts=self._shared)
        self.made["tag"] = tag.name
        return tag

    @cached_property
    def _network(self) -> Input[str]:
        if self._existing_network:
            return self._existing_network
        # no ip_range: DigitalOcean picks one that is free. A database still going holds its network for minutes.
        patient = merge(self._guarded(self._shared), custom_timeouts=pulumi.CustomTimeouts(delete="20m"))
        own = merge(patient, ignore_changes=["name"])
        return do.Vpc(self._names.plain("network"), region=self._region, opts=own).id

    @cached_property
    def _spaces(self) -> do.Provider:
        everything = do.SpacesKeyGrantArgs(bucket="", permission="fullaccess")
        key = do.SpacesKey(self._names.plain("spaces"), grants=[everything], opts=self._guarded(self._shared))
        return do.Provider(
            "spaces",
            spaces_access_id=key.access_key,
            spaces_secret_key=_secret(key.secret_key),
            opts=self._shared,
        )

    @property
    def _spaces_region(self) -> str:
        return SPACES_REGIONS.get(self._region, self._region)

    def _droplet(self, name: str, user_data: Input[str], size: str, key: do.SshKey, opts: ResourceOptions) -> Server:
        droplet = do.Droplet(
            self._names.plain(name),  # named by the engine: a name of our own would mean the old machine goes first
            image=IMAGE,
            region=self._region,
            size=SERVER_SIZES.get(size, size),
            ssh_keys=[key.fingerprint],
            user_data=_secret(user_data),
            vpc_uuid=self._network,
            tags=[self._tag.name],
            monitoring=False,  # its agent reads the metadata service, which our machines keep from all but root
            droplet_agent=False,
            opts=opts,
        )
        self.made["machines"][name] = {"id": droplet.id, "size": droplet.size}
        return Server(name=name, host=droplet.ipv4_address, machine=droplet)

    def _user(
        self, name: str, cluster: do.DatabaseCluster, own: str, generation: int, opts: ResourceOptions
    ) -> do.DatabaseUser:
        """A login of its own for each generation: a new password for the same one would shut out who still uses it."""
        newest = generation == self._generations.database[-1]
        return do.DatabaseUser(
            of_generation(name, generation),
            cluster_id=cluster.id,
            name=of_generation(own, generation, joined="_"),
            opts=merge(opts, protect=self._protect and newest),
        )

    def _key(self, name: str, grant: do.SpacesKeyGrantArgs, generation: int, opts: ResourceOptions) -> do.SpacesKey:
        newest = generation == self._generations.storage[-1]
        return do.SpacesKey(
            self._names.plain(of_generation(name, generation)),
            grants=[grant],
            opts=merge(self._guarded(opts), protect=self._protect and newest),
        )

    def _firewall(self, ssh_from: Sequence[str], opts: ResourceOptions) -> do.Firewall:
        wanted = rules(ssh_from)
        wall = do.Firewall(
            self._names.plain("web"),
            tags=[self._tag.name],
            inbound_rules=inbound(wanted),
            outbound_rules=outbound(),
            opts=opts,
        )
        self.made["firewall"] = {"id": wall.id, "inbound": told(wanted)}
        return wall

    def _guarded(self, opts: ResourceOptions) -> ResourceOptions:
        """What holds data, or keeps it within reach: protected, and found again where it was imported."""
        return merge(adoptable(opts), protect=self._protect, hooks=self._explained)

    def _zone(self, zone: str) -> Records:
        if zone not in self._records:
            self._records[zone] = records(zone, fail=self._fail)
        return self._records[zone]


def _secret(value: Input[str]) -> Output[str]:
    return Output.secret(value)


def _forgotten() -> do.SpacesBucketLifecycleRuleArgs:
    """What was overwritten or deleted stays for a while."""
    after = do.SpacesBucketLifecycleRuleNoncurrentVersionExpirationArgs(days=KEPT_DAYS)
    return do.SpacesBucketLifecycleRuleArgs(
        id="forgotten", enabled=True, noncurrent_version_expiration=after, abort_incomplete_multipart_upload_days=7
    )


def _database(
    cluster: do.DatabaseCluster,
    wall: do.DatabaseFirewall,
    database: do.DatabaseDb,
    users: Sequence[do.DatabaseUser],
    *,
    owner: str,
) -> Database:
    logins = [Login(each.name, _secret(each.password)) for each in users]
    return Database(
        host=after(cluster.private_host, wall),  # known once it is closed
        port=cluster.port.apply(int),
        name=database.name,
        user=logins[-1].user,
        password=logins[-1].password,
        admin_user=cluster.user,
        admin_password=_secret(cluster.password),
        ca=do.get_database_ca_output(cluster_id=cluster.id).certificate,
        owner=owner,
        former=logins[-2] if len(logins) > 1 else None,
    )


_: type[Cloud] = DigitalOcean
