"""The environment's stable address: reserved first, so that names can point at it."""

from __future__ import annotations

from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Address as Reserved
from components.clouds.cloud import Cloud


class Address(ComponentResource):
    """An address that outlives the machines behind it; `Arrival` assigns it."""

    def __init__(self, name: str, *, cloud: Cloud, opts: ResourceOptions) -> None:
        super().__init__("slipway:components:Address", name, None, opts)
        self.reserved: Reserved = cloud.address(name, opts=ResourceOptions(parent=self))
        self.ip: Output[str] = self.reserved.ip
        self.register_outputs({"ip": self.ip})
