"""The address pools the API gives out from, and its fixed ports."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network

from rehearsal import paths

MOTO_PORT = 8092
DATABASE_PORT = 25060
DROPLETS = tuple(str(IPv4Address("198.51.100.16") + n) for n in range(112))
RESERVED = tuple(str(IPv4Address("198.51.100.128") + n) for n in range(127))
VPC_BLOCK = 20


def ours(address: str) -> bool:
    """Say whether the rehearsal may listen on an address."""
    return IPv4Address(address).is_loopback or address in (paths.GATEWAY, paths.S3, paths.METADATA)


def vpc_range(number: int) -> str:
    """Give the n-th default range, 10.100.0.0/20 onwards."""
    return str(IPv4Network(f"10.{100 + number}.0.0/{VPC_BLOCK}"))


def vpc_addresses(ip_range: str) -> Sequence[str]:
    """Give what a VPC can hand out; the first address is its gateway."""
    network = IPv4Network(ip_range)
    return [str(network[n]) for n in range(2, min(network.num_addresses - 1, 1024))]


def next_address(pool: Sequence[str], *, taken: Collection[str], last: int) -> int | None:
    """Give the index after `last` that is free; going round keeps an address from being reused at once."""
    order = [(last + 1 + n) % len(pool) for n in range(len(pool))]
    return next((index for index in order if pool[index] not in taken), None)
