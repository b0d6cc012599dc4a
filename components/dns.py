"""The names a site answers under, and who keeps their records."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import ComponentResource, Output, ResourceOptions

from components.address import Address
from components.clouds.cloud import Cloud
from settings import Naming

SECONDS = 300  # short while names move; what a record of ours has too


class Dns(ComponentResource):
    """Records in the user's zone, or what to set elsewhere, or a name made from the address."""

    def __init__(self, name: str, *, cloud: Cloud, naming: Naming, address: Address, opts: ResourceOptions) -> None:
        super().__init__("slipway:components:Dns", name, None, opts)
        self.mode = naming.dns
        self.hosts: list[pulumi.Input[str]] = [*naming.hosts] or [address.ip.apply(name_of)]
        self.url: Output[str] = Output.concat("https://", self.hosts[0])
        inside = ResourceOptions(parent=self)
        for canonical in naming.hosts[:1]:
            cloud.reverse(canonical, address=address.reserved, opts=inside)
        if naming.dns == "managed":
            for host in naming.hosts:
                cloud.record(host, zone=str(naming.domain), address=address.reserved, opts=inside)
        else:
            address.ip.apply(lambda ip: self._tell(naming, ip))
        self.register_outputs({"hosts": self.hosts})

    def _tell(self, naming: Naming, ip: str) -> None:
        for say, line in advice(naming, ip):
            say(line, resource=self)


def name_of(ip: str) -> str:
    """A name that the whole world resolves to this address."""
    return f"{ip.replace('.', '-')}.sslip.io"


def advice(naming: Naming, ip: str) -> list[tuple[Any, str]]:
    """What a person has to know where no record is made."""
    if naming.dns == "address":
        text = f"no domain is set: the site answers as {name_of(ip)}, for trying out; give it a domain when it is real"
        return [(pulumi.warn, text)]
    head = "dns: external: no record is made, set these where you keep your names:"
    rows = [f"  {_named(host, naming.domain)}  type A  value {ip}  TTL {SECONDS}" for host in naming.hosts]
    return [(pulumi.info, "\n".join([head, *rows]))]


def _named(host: str, domain: str | None) -> str:
    """A record's name in full, and as the forms of most providers want it."""
    if host == domain:
        return f"name {host} (@)"
    label = host.removesuffix(f".{domain}")
    return f"name {host}" if label == host else f"name {host} ({label})"
