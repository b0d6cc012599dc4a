"""What a run is about to order of a cloud for the first time, looked at before anything is made."""

from __future__ import annotations

from components.before import READ, full_name, read_state
from components.clouds.cloud import Cloud, Order
from components.losses import Recorded, recorded
from components.web_servers import birth_of
from settings import DISK, Settings

# A change of one of these is another machine; what stands is not asked for again: a size may be sold out by now.
MACHINE = ("region", "server-size", "server-generation")
DATABASE = ("region", "database", "database-size", "database-standby")


def refuse_meaningless(settings: Settings, before: Recorded | None, *, cloud: type[Cloud]) -> None:
    """Say that the cloud has no such thing before it is said what the edit would lose, which nobody could mean.

    Not where the cloud itself is changed: what that would lose comes first.
    """
    if before and before["cloud"] == settings.cloud:
        cloud.refuse(order(settings, before), fail=settings.fail)


def check_order(settings: Settings, before: Recorded | None, *, cloud: type[Cloud]) -> None:
    """Refuse what the account cannot have, in words that name the setting, and user data that no cloud would take."""
    birth_of(site=settings.site.name)
    if settings.source.promoted_from:
        _check_origin(settings, settings.source.promoted_from)
    cloud.check(order(settings, before), fail=settings.fail)


def _check_origin(settings: Settings, stack: str) -> None:
    try:
        found = read_state(READ, {"name": full_name(stack)})
    except Exception as error:
        if "unknown stack" not in str(error):
            raise
        settings.fail("promoted-from", f"should be a stack of this project (got {stack!r}), pulumi stack ls shows them")
    if "release_source" not in (found.get("outputs") or {}):
        settings.fail("promoted-from", f"{stack} has released nothing yet, run pulumi up --stack {stack} first")


def order(settings: Settings, before: Recorded | None) -> Order:
    """What the last good `up` did not leave standing."""
    now, naming, database = recorded(settings), settings.naming, settings.database
    machine, other = (
        before is None or any(before.get(key) != now[key] for key in keys) for keys in (MACHINE, DATABASE)
    )
    return Order(
        region=settings.region,
        network=settings.network,
        server_size=settings.servers.size if machine else None,
        database_size=database.size if database and database.kind == "managed" and other else None,
        database_standby=bool(database and database.standby),
        database_machine=_of_a_machine(settings),
        zone=naming.domain if before is None and naming.dns == "managed" else None,
        storage=settings.storage is not None,
    )


def _of_a_machine(settings: Settings) -> list[str]:
    """What was asked of a database's own server; the engine hands over defaults as if somebody had written them."""
    database = settings.database
    if database is None or database.kind != "managed":
        return []
    usual = {"database-generation": (database.generation, 1), "database-disk": (database.disk, DISK)}
    return [key for key, (given, default) in usual.items() if given != default]
