"""Whether two releases at a time fit the sizes a stack asks for: told by a preview, with the sum."""

from __future__ import annotations

from components.clouds.cloud import Cloud
from release.host.agent.fitting import Load, cache_of, lacking_connections, lacking_memory
from release.host.postgres.sizing import memory_settings
from settings import Settings

MIB = 1 << 20
RESERVED = 3  # connections Postgres keeps for its superuser
LESS = "or fewer workers, web-processes and web-threads"


def refuse_unfitting(settings: Settings, *, cloud: type[Cloud]) -> None:
    """End the program over sizes that are too small; what no table knows, the machine itself looks at."""
    size = settings.servers.size
    mib = cloud.memory(size, region=settings.region)
    load = load_of(settings, mib=mib or 0)
    if mib and (sum_ := lacking_memory(load, mib=mib)):
        got = f"got {size!r}, which has {mib} MiB, four fifths of it for the site"
        settings.fail("server-size", f"should bear {sum_} ({got}), choose a larger one {LESS}")
    there_are = connections(settings, cloud=cloud)
    if there_are and (sum_ := lacking_connections(load, there_are=there_are)):
        key, size = ("server-size", size) if _is_local(settings) else ("database-size", _database_size(settings))
        settings.fail(key, f"should bear {sum_} (got {size!r}, which gives {there_are}), choose a larger one {LESS}")


def load_of(settings: Settings, *, mib: int) -> Load:
    """What one release of this stack runs, on a server with so much memory."""
    site = settings.site
    cache = cache_of(mib) if site.cache else 0
    postgres = memory_settings(mib * MIB, 0, alone=False)["shared_buffers"] if _is_local(settings) else 0
    return Load(
        processes=site.processes,
        threads=site.threads,
        workers=len(site.workers),
        schedule=len(site.schedule),
        beside=cache + postgres,
    )


def connections(settings: Settings, *, cloud: type[Cloud]) -> int | None:
    """What the database gives to the site; None without one, and where nobody knows."""
    if settings.database is None:
        return None
    if _is_local(settings):
        return _of_postgres(cloud.memory(settings.servers.size, region=settings.region), alone=False)
    size = settings.database.size
    return cloud.connections(size) or _of_postgres(cloud.memory(size, region=settings.region), alone=True)


def _of_postgres(mib: int | None, *, alone: bool) -> int | None:
    """Of one that slipway keeps itself."""
    return mib and memory_settings(mib * MIB, 0, alone=alone)["connections"] - RESERVED


def _is_local(settings: Settings) -> bool:
    return settings.database is not None and settings.database.kind == "local"


def _database_size(settings: Settings) -> str:
    return settings.database.size if settings.database else ""
