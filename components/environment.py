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
from components.clouds.cloud import Cloud, Generations, Names, Storage
from components.database import Database
from components.dns import Dns
from components.losses import OUTPUT, on_servers, recorded
from components.media_store import MediaStore
from components.release import Release
from components.sqlite_database import SqliteDatabase
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
            address=address.ip,
            wanted=settings.servers,
            protect=(settings.protect and bool(on_servers(settings))) or None,
            opts=inside,
        )
        database = _database(settings, made_by, web, before, inside)
        sqlite = SqliteDatabase("database", cloud=made_by, opts=inside) if settings.sqlite else None
        data = sqlite or database
        media = _media(settings, made_by, inside)
        uploads = media.document if media else {"mode": "disk"}
        release = Release(
            "release",
            cloud=made_by,
            settings=settings,
            chosen=chosen,
            web=web,
            address=address,
            hosts=dns.hosts,
            database=data.document if data else None,
            former_login=database.former if database else None,
            media=uploads,
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
        parts = [address, dns, web, data, media, release, arrival]
        _guard([part for part in parts if part], protect=settings.protect, opts=inside)
        made_by.warn_of_strays(before=before.resources, resource=self)
        self.outputs: dict[str, Any] = {
            "url": dns.url,
            "address": address.ip,
            "artifact": release.artifact,
            "release": release.id_,
            "phases": release.phases,
            "database_host": database.host if database else None,
            "media_bucket": media.bucket if media else None,
            "media": Output.secret(uploads),
            "release_bucket": release.bucket,
            "servers": web.document,
            "login_key": web.login_key,
            "arrival": arrival.report,
            "site": settings.site.name,
            "release_source": Output.secret(release.source),
            "hosts": dns.hosts,
            "births": web.births,
            **_data(settings, database),
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
            storage=_storage(settings),
            generations=Generations(settings.rotations.database_password, settings.rotations.storage_keys),
            names=names,
            protect=settings.protect,
            fail=settings.fail,
            parent=self,
        )


def _storage(settings: Settings) -> Storage | None:
    if settings.storage is None:
        return None
    return Storage(*(Output.secret(each) for each in settings.storage))


def _database(
    settings: Settings, cloud: Cloud, web: WebServers, before: Before, opts: ResourceOptions
) -> Database | None:
    if settings.database is None:
        return None
    return Database(
        "database",
        cloud=cloud,
        site=settings.site.name,
        wanted=settings.database,
        servers=settings.servers,
        web=web,
        protect=settings.protect,
        generations=settings.rotations.database_password,
        notify=settings.notify,
        before=before.outputs.get(OUTPUT),
        opts=opts,
    )


def _data(settings: Settings, database: Database | None) -> dict[str, Any]:
    """Where the data is, without secrets; then what opens it, where slipway keeps it itself."""
    kind = settings.database.kind if settings.database else "sqlite" if settings.sqlite else "none"
    if database is None:
        return {"data": {"kind": kind, "server": None, "bucket": None}, "data_login_key": None, "backups": None}
    kept = database.kept
    public = {key: database.backups[key] for key in ("name", "region", "endpoint")}
    return {
        "data": {
            "kind": "server" if kept and kind == "managed" else kind,
            "server": kept.server if kept else None,
            "bucket": public,
        },
        "data_login_key": kept.login_key if kept else None,
        "backups": Output.secret(database.backups),
    }


def _media(settings: Settings, cloud: Cloud, opts: ResourceOptions) -> MediaStore | None:
    if settings.site.media == "disk":
        return None
    return MediaStore("media", cloud=cloud, media=settings.site.media, opts=opts)


def _guard(parts: Sequence[Resource], *, protect: bool, opts: ResourceOptions) -> None:
    """Depends on everything, so that `destroy` meets it first and stops before it has deleted anything."""
    # Made unprotected too: a guard that protect: false removes would itself refuse to go.
    guard = ResourceOptions(protect=protect, depends_on=parts)
    random.RandomId("protected", byte_length=1, opts=ResourceOptions.merge(opts, guard))
