"""What a Django site asks of a cloud: few promises, and the plain handles they hand back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from pulumi import CustomResource, Input, Output, Resource, ResourceOptions

# How long a versioned bucket keeps what was overwritten or deleted.
KEPT_DAYS = 30

# Ends the program over a setting: its key, and what is wrong with it.
Fail = Callable[[str, str], NoReturn]


@dataclass(frozen=True)
class Names:
    """How things are called, so that two sites in one account never meet."""

    site: str
    environment: str
    suffix: Output[str]

    @property
    def prefix(self) -> str:
        """`slipway-staging`, in characters that every cloud takes for every kind of thing."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.site}-{self.environment}".lower())[:40].strip("-")

    def plain(self, role: str) -> str:
        """A name to which the engine adds a random end by itself."""
        return f"{self.prefix}-{role}"

    def unique(self, role: str) -> Output[str]:
        """A name for what the engine does not name: buckets, tags."""
        return Output.concat(self.plain(role), "-", self.suffix)


@dataclass(frozen=True)
class Generations:
    """The valid generations of what is rotated, oldest first: the newest is used, the one before still opens."""

    database: tuple[int, ...] = (1,)
    storage: tuple[int, ...] = (1,)


NEVER_ROTATED = Generations()


def of_generation(name: str, generation: int, *, joined: str = "-") -> str:
    """A name for each generation; the first one has no number, so that what was never rotated keeps its own."""
    return name if generation == 1 else f"{name}{joined}{generation}"


def owner_of(own: str, generations: tuple[int, ...]) -> str:
    """The role that owns the tables, once logins have begun to come and go."""
    return f"{own}_owner" if generations[-1] > 1 else ""


@dataclass(frozen=True)
class Server:
    """A machine, reachable at an address of its own; `machine` is for options that name a resource."""

    name: str
    host: Output[str]
    machine: CustomResource


@dataclass(frozen=True)
class DataServer:
    """A machine on the private network with a disk that outlives it.

    `private` is where the environment's servers reach it, and stays when the machine is replaced; `disk` is the device.
    """

    server: Server
    private: Output[str]
    disk: Output[str]


@dataclass(frozen=True)
class Address:
    """An address that stays when servers come and go."""

    ip: Output[str]


@dataclass(frozen=True)
class Login:
    """A user of the database that is the site's, and its password."""

    user: Output[str]
    password: Output[str]


@dataclass(frozen=True)
class Database:
    """A Postgres that only this environment's servers reach; `ca` is what its certificate is verified with.

    `owner` is a role without a login that owns the tables where logins come and go; `former` is the login before.
    """

    host: Output[str]
    port: Output[int]
    name: Output[str]
    user: Output[str]
    password: Output[str]
    admin_user: Output[str]
    admin_password: Output[str]
    ca: Output[str]
    owner: str = ""
    former: Login | None = None


@dataclass(frozen=True)
class Bucket:
    """A private bucket, and a key that opens it and nothing else."""

    name: Output[str]
    region: str
    endpoint: str
    access_key: Output[str]
    secret_key: Output[str]


@dataclass(frozen=True)
class Storage:
    """Keys of a cloud that has no API to make them: the program's own pair, and the one its servers get."""

    access_key: Output[str]
    secret_key: Output[str]
    site_access_key: Output[str]
    site_secret_key: Output[str]


@dataclass(frozen=True)
class Order:
    """What an environment is about to ask of a cloud for the first time; None is what stands already."""

    region: str
    network: str | None
    server_size: str | None
    database_size: str | None
    database_standby: bool
    database_machine: Sequence[str]  # settings given for a server of the database's own, if one is made or not
    zone: str | None
    storage: bool  # whether it brings keys of its own for object storage


class DataServers(Protocol):
    """What a cloud that sells no Postgres promises beside, so that one can be kept on a machine."""

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
        """One Debian 13 machine for data: from outside only 22 is open, and to `ssh_from`.

        It is replaced when `generation` or `size` changes, the old one first: its disk, which is guarded and stays, is
        never at two machines. What it serves on the private network is its own firewall's to say.
        """


# Keeps a Postgres on one of the cloud's machines.
OnServer = Callable[[DataServers], Database]


class Cloud(Protocol):
    """What every cloud must be able to give a Django site. How it keeps a promise stays in its own file."""

    made: dict[str, Any]
    """What has been made so far, with the ids under which `slipway status` finds it at the cloud; no secrets."""

    @staticmethod
    def refuse(order: Order, *, fail: Fail) -> None:
        """Refuse settings that have no meaning here, without asking the account; a part of `check`, too."""

    @staticmethod
    def check(order: Order, *, fail: Fail) -> None:
        """Refuse, before anything is made, what the account cannot have; `fail` names the setting."""

    @staticmethod
    def memory(size: str, *, region: str) -> int | None:
        """MiB of a server of this size; None of one that is not known here."""

    @staticmethod
    def connections(size: str) -> int | None:
        """How many a database of this size gives to the site; None of one not known here, or that is not sold."""

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
        """`network` is a private one that exists; without it the cloud makes one. `protect` guards what holds data."""

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
        """One Debian 13 machine for each name, open on 80 and 443, and on 22 to `ssh_from`, from its birth on.

        All of them are on the environment's private network.
        A machine is replaced when `generation` or `size` changes, the new one first; never because of its user data.
        """

    def address(self, name: str, *, opts: ResourceOptions) -> Address:
        """An address, reserved and not yet assigned."""

    def assign(self, name: str, *, address: Address, server: Server, opts: ResourceOptions) -> Resource:
        """Point the address at the server; it moves between running servers, which have it from their birth on."""

    def reverse(self, host: str, *, address: Address, opts: ResourceOptions) -> None:
        """Let the address say this name when it is asked, where the cloud has that to give."""

    def database(
        self,
        name: str,
        *,
        size: str,
        standby: bool,
        on_server: OnServer,
        opts: ResourceOptions,
    ) -> Database:
        """Postgres 17 with a database and a user of the site's own, and an admin.

        A cloud that sells none lets `on_server` build it on a machine of its own.
        """

    def bucket(self, name: str, *, versioned: bool = False, kept: bool = False, opts: ResourceOptions) -> Bucket:
        """A private bucket; in an unprotected environment it goes with everything in it.

        `versioned` keeps what is overwritten or deleted for a while. `kept` stays when the environment goes; its key
        can neither remove versions nor change what guards them.
        """

    def record(self, host: str, *, zone: str, address: Address, opts: ResourceOptions) -> None:
        """An A record in a zone that exists; refused where a record stands that this stack did not make."""

    def warn_of_strays(self, *, before: Sequence[Mapping[str, Any]], resource: Resource) -> None:
        """Warn of what this stack pays for and does not know, once all that has been asked for so far is there.

        `before` are the stack's resources as they were before this run: a machine replaced in it stands until its end.
        """
