"""The environment's Postgres, as its site and its release see it."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Cloud
from settings import Postgres


class Database(ComponentResource):
    """A Postgres that only this environment's servers reach."""

    def __init__(self, name: str, *, cloud: Cloud, wanted: Postgres, opts: ResourceOptions) -> None:
        super().__init__("slipway:components:Database", name, None, opts)
        made = cloud.database(name, size=wanted.size, standby=wanted.standby, opts=ResourceOptions(parent=self))
        self.host: Output[str] = made.host
        # What a release is told, and migrates with.
        self.document: dict[str, Any] = {
            "host": made.host,
            "port": made.port,
            "name": made.name,
            "user": made.user,
            "password": made.password,
            "admin_user": made.admin_user,
            "admin_password": made.admin_password,
            "ca": made.ca,
            "extensions": list(wanted.extensions),
        }
        self.register_outputs({"host": self.host})
