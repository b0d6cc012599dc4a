"""A third cloud, held to the same promises, that keeps what it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_random as random
from pulumi import CustomResource, Input, Output, Resource, ResourceOptions

from components.clouds.cloud import (
    Address,
    Bucket,
    Cloud,
    Database,
    DataServer,
    DataServers,
    Fail,
    OnServer,
    Order,
    Server,
)


class InMemory:
    @staticmethod
    def refuse(order: Order, *, fail: Fail) -> None: ...

    @staticmethod
    def check(order: Order, *, fail: Fail) -> None: ...

    @staticmethod
    def memory(size: str, *, region: str) -> int | None:
        return None

    @staticmethod
    def connections(size: str) -> int | None:
        return None

    def __init__(self, **asked: Any) -> None:
        self.asked: dict[str, Any] = {"cloud": asked}
        self.made: dict[str, Any] = {"address": "192.0.2.200"}

    def servers(self, user_data: Mapping[str, Input[str]], *, opts: ResourceOptions, **asked: Any) -> list[Server]:
        self.asked["servers"] = {"user_data": user_data, **asked}
        return [Server(name, Output.from_input("192.0.2.1"), _thing(name, opts)) for name in user_data]

    def address(self, name: str, *, opts: ResourceOptions) -> Address:
        return Address(_thing(name, opts).hex.apply(lambda _: "192.0.2.200"))

    def assign(self, name: str, *, address: Address, server: Server, opts: ResourceOptions) -> CustomResource:
        self.asked["assign"] = (address, server, opts)
        return _thing(name, opts)

    def reverse(self, host: str, *, address: Address, opts: ResourceOptions) -> None:
        self.asked["reverse"] = host

    def database(self, name: str, *, size: str, standby: bool, on_server: OnServer, opts: ResourceOptions) -> Database:
        self.asked["database"] = {"size": size, "standby": standby}
        text = _thing(name, opts).hex
        return Database(text, text.apply(lambda _: 5432), text, text, text, text, text, text)

    def bucket(self, name: str, *, versioned: bool = False, kept: bool = False, opts: ResourceOptions) -> Bucket:
        self.asked.setdefault("buckets", []).append(name)
        text = _thing(name, opts).hex
        return Bucket(text, "here", "https://here.example", text, Output.secret(text))

    def record(self, host: str, *, zone: str, address: Address, opts: ResourceOptions) -> None:
        self.asked.setdefault("records", []).append((host, zone))

    def warn_of_strays(self, *, before: Sequence[Mapping[str, Any]], resource: Resource) -> None:
        self.asked["strays"] = resource


class Sparse(InMemory):
    """One that sells no Postgres, and gives a machine with a disk for one."""

    def database(self, name: str, *, size: str, standby: bool, on_server: OnServer, opts: ResourceOptions) -> Database:
        return on_server(self)

    def data_server(
        self, name: str, user_data: Input[str], *, size: str, opts: ResourceOptions, **asked: Any
    ) -> DataServer:
        self.asked["data_server"] = {"size": size, **asked}
        server = Server(name, Output.from_input("192.0.2.9"), _thing(name, opts))
        return DataServer(
            server, Output.from_input("10.0.1.10"), Output.from_input("/dev/disk/by-id/scsi-0HC_Volume_7")
        )


def on_server(servers: DataServers) -> Database:
    """For clouds that have a Postgres of their own: they never ask."""
    raise AssertionError(servers)


def _thing(name: str, opts: ResourceOptions) -> random.RandomId:
    return random.RandomId(name, byte_length=1, opts=opts)


_: type[Cloud] = InMemory
