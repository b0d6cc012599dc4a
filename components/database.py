"""The environment's Postgres, as its site and its release see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Cloud, DataServers
from components.clouds.cloud import Database as Made
from components.database_dumps import keep_dumps
from components.postgres_server import Postgres, on_data_server, on_web_server
from components.web_servers import WebServers
from settings import Postgres as Wanted
from settings import Servers

# Another machine boots, installs Postgres and adopts the disk: 44 s in a rehearsal, where machines boot in seconds and
# packages are near; the rest is for a cloud's own boot and way.
INTERRUPTION = 180


class Database(ComponentResource):
    """A Postgres that only this environment's servers reach."""

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        site: str,
        wanted: Wanted,
        servers: Servers,
        web: WebServers,
        protect: bool,
        generations: tuple[int, ...] = (1,),
        notify: pulumi.Input[str] | None = None,
        before: Mapping[str, Any] | None = None,
        opts: ResourceOptions,
    ) -> None:
        """`before` is what the last good `up` recorded of the settings."""
        super().__init__("slipway:components:Database", name, None, opts)
        kept = Postgres(
            name,
            cloud=cloud,
            site=site,
            extensions=wanted.extensions,
            notify=notify,
            protect=protect,
            generations=generations,
            resource=self,
        )
        self.kept: Postgres | None = None

        def on_server(machines: DataServers) -> Made:
            self._announce(wanted, before)
            self.kept = kept
            return on_data_server(kept, machines, wanted=wanted, ssh_from=servers.ssh_from)

        if wanted.kind == "local":
            self.kept = kept
            made = on_web_server(kept, web)
        else:
            made = cloud.database(
                name,
                size=wanted.size,
                standby=wanted.standby,
                on_server=on_server,
                opts=ResourceOptions(parent=self),
            )
        self.host: Output[str] = made.host
        self.backups: dict[str, Any] = (
            self.kept.repository
            if self.kept
            else keep_dumps(name, made, cloud=cloud, site=site, web=web, notify=notify, resource=self)
        )
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
            "owner": made.owner,
            "extensions": list(wanted.extensions),
        }
        former = made.former
        # What hands the tables over when logins change; how a release is made, not what runs.
        self.former = {"user": former.user, "password": former.password} if former else None
        self.register_outputs({"host": self.host})

    def _announce(self, wanted: Wanted, before: Mapping[str, Any] | None) -> None:
        """Its disk is never at two machines, so the old one goes first: what that costs is said beforehand."""
        asked = {"database-generation": wanted.generation, "database-size": wanted.size}
        changed = [key for key, value in asked.items() if before and before.get(key, value) != value]
        if changed:
            text = (
                f"{' and '.join(changed)}: the database's server is replaced, the old one first: the site is without "
                f"its database for up to {INTERRUPTION} s; the data stays on its disk"
            )
            pulumi.warn(text, resource=self)
