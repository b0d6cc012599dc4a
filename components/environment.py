"""The whole picture: what one environment of a Django site is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi_random as random
from pulumi import ComponentResource, Output, Resource, ResourceOptions

from components.address import Address
from components.arrival import Arrival
from components.artifact import Chosen
from components.before import Before
from components.clouds.cloud import Cloud, Names
from components.database import Database
from components.dns import Dns
from components.losses import OUTPUT, on_servers, recorded
from components.media_store import MediaStore
from components.release import Release
from components.web_servers import WebServers
from settings import Settings


class Environment(ComponentResource):
    """staging, production, a review app: one Pulumi stack."""

    def __init__(self, settings: Settings, *, cloud: Callable[..., Cloud], chosen: Chosen, before: Before) -> None:
        super().__init__("slipway:components:Environment", settings.environment)
        inside = ResourceOptions(parent=self)
        made_by = self._cloud(settings, cloud, inside)

        address = Address("address", cloud=made_by, opts=inside)
        dns = Dns("dns", cloud=made_by, naming=settings.naming, address=address, opts=inside)
        web = WebServers(
            "web",
            cloud=made_by,
            site=settings.site.name,
            wanted=settings.servers,
            protect=(settings.protect and bool(on_servers(settings))) or None,
            opts=inside,
        )
        database = _database(settings, made_by, inside)
        media = _media(settings, made_by, inside)
        release = Release(
            "release",
            cloud=made_by,
            settings=settings,
            chosen=chosen,
            web=web,
            address=address,
            hosts=dns.hosts,
            database=database.document if database else None,
            media=media.document if media else {"mode": "disk"},
            opts=inside,
        )
        arrival = Arrival(
            "arrival",
            cloud=made_by,
            settings=settings,
            address=address,
            dns=dns,
            web=web,
            release=release,
            before=before,
            opts=inside,
        )
        parts = [address, dns, web, database, media, release, arrival]
        _guard([part for part in parts if part], protect=settings.protect, opts=inside)
        self.outputs: dict[str, Any] = {
            "url": dns.url,
            "address": address.ip,
            "artifact": release.artifact,
            "release": release.id_,
            "phases": release.phases,
            "database_host": database.host if database else None,
            "media_bucket": media.bucket if media else None,
            "release_bucket": release.bucket,
            "servers": web.document,
            "login_key": web.login_key,
            "arrival": arrival.report,
            "site": settings.site.name,
            "release_source": Output.secret(release.source),
            "hosts": dns.hosts,
            "births": web.births,
            "cloud": {"name": settings.cloud, **made_by.made},
            OUTPUT: recorded(settings),
        }
        self.register_outputs({"url": dns.url})

    def _cloud(self, settings: Settings, cloud: Callable[..., Cloud], inside: ResourceOptions) -> Cloud:
        kept = ResourceOptions.merge(inside, ResourceOptions(protect=settings.protect))
        suffix = random.RandomId("suffix", byte_length=3, opts=kept).hex  # another one would be other buckets
        names = Names(site=settings.site.name, environment=settings.environment, suffix=suffix)
        return cloud(
            region=settings.region,
            network=settings.network,
            names=names,
            protect=settings.protect,
            fail=settings.fail,
            parent=self,
        )


def _database(settings: Settings, cloud: Cloud, opts: ResourceOptions) -> Database | None:
    if settings.database is None:
        return None
    return Database("database", cloud=cloud, wanted=settings.database, opts=opts)


def _media(settings: Settings, cloud: Cloud, opts: ResourceOptions) -> MediaStore | None:
    if settings.site.media == "disk":
        return None
    return MediaStore("media", cloud=cloud, media=settings.site.media, opts=opts)


def _guard(parts: Sequence[Resource], *, protect: bool, opts: ResourceOptions) -> None:
    """Depends on everything, so that `destroy` meets it first and stops before it has deleted anything."""
    # Made unprotected too: a guard that protect: false removes would itself refuse to go.
    guard = ResourceOptions(protect=protect, depends_on=parts)
    random.RandomId("protected", byte_length=1, opts=ResourceOptions.merge(opts, guard))
