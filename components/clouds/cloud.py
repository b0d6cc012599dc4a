"""What a Django site asks of a cloud: few promises, and the plain handles they hand back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from pulumi import CustomResource, Input, Output, Resource, ResourceOptions

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
class Server:
    """A machine, reachable at an address of its own; `machine` is for options that name a resource."""

    name: str
    host: Output[str]
    machine: CustomResource


@dataclass(frozen=True)
class Address:
    """An address that stays when servers come and go."""

    ip: Output[str]


@dataclass(frozen=True)
class Database:
    """A Postgres that only this environment's servers reach; `ca` is what its certificate is verified with."""

    host: Output[str]
    port: Output[int]
    name: Output[str]
    user: Output[str]
    password: Output[str]
    admin_user: Output[str]
    admin_password: Output[str]
    ca: Output[str]


@dataclass(frozen=True)
class Bucket:
    """A private bucket, and a key that opens it and nothing else."""

    name: Output[str]
    region: str
    endpoint: str
    access_key: Output[str]
    secret_key: Output[str]


@dataclass(frozen=True)
class Order:
    """What an environment is about to ask of a cloud for the first time; None is what stands already."""

    region: str
    server_size: str | None
    database_size: str | None
    database_standby: bool
    zone: str | None


class Cloud(Protocol):
    """What every cloud must be able to give a Django site. How it keeps a promise stays in its own file."""

    made: dict[str, Any]
    """What has been made so far, with the ids under which `slipway status` finds it at the cloud; no secrets."""

    @staticmethod
    def check(order: Order, *, fail: Fail) -> None:
        """Refuse, before anything is made, what the account cannot have; `fail` names the setting."""

    def __init__(
        self, *, region: str, network: str | None, names: Names, protect: bool, fail: Fail, parent: Resource
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

        A machine is replaced when `generation` or `size` changes, the new one first; never because of its user data.
        """

    def address(self, name: str, *, opts: ResourceOptions) -> Address:
        """An address, reserved and not yet assigned."""

    def assign(self, name: str, *, address: Address, server: Server, opts: ResourceOptions) -> Resource:
        """Point the address at the server; it moves between running servers."""

    def database(self, name: str, *, size: str, standby: bool, opts: ResourceOptions) -> Database:
        """Postgres 17 with a database and a user of the site's own, and an admin."""

    def bucket(self, name: str, *, opts: ResourceOptions) -> Bucket:
        """A private bucket; in an unprotected environment it goes with everything in it."""

    def record(self, host: str, *, zone: str, address: Address, opts: ResourceOptions) -> None:
        """An A record in a zone that exists; refused where a record stands that this stack did not make."""
