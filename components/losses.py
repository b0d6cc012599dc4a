"""Edits of a stack file that would lose data: refused, with the way to mean it, before anything is registered.

A protected resource stops the engine too, one by one and in its own words; but not where protection goes in the same
run, and not in an environment that was never protected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from settings import Settings, SettingsError

OUTPUT = "recorded"
ACCEPT = "accept-data-loss"

Recorded = Mapping[str, Any]


def recorded(settings: Settings) -> dict[str, Any]:
    """What a later run has to know of this one."""
    return {
        "stack": settings.environment,
        "cloud": settings.cloud,
        "site": settings.site.name,
        "region": settings.region,
        "network": settings.network or "",
        "database": settings.database.kind if settings.database else "sqlite" if settings.sqlite else "none",
        "database-generation": settings.database.generation if settings.database else 1,
        "database-disk": settings.database.disk if settings.database else 0,
        "database-size": settings.database.size if settings.database else "",
        "database-standby": bool(settings.database and settings.database.standby),
        "media": settings.site.media,
        "server-size": settings.servers.size,
        "server-generation": settings.servers.generation,
        "protect": settings.protect,
        "rotations": settings.rotations.recorded(),
        "on-servers": on_servers(settings),
    }


def on_servers(settings: Settings) -> list[str]:
    """What lies on the servers' own disks, and goes with them."""
    site = settings.site
    uploads = ["the uploads on the server's disk"] if site.media == "disk" else []
    if settings.database and settings.database.kind == "local":
        return [*uploads, "the database on the server's disk"]
    postgres = settings.database or "DATABASES" in site.keep or "DATABASE_URL" in {*site.env, *site.secrets}
    elsewhere = settings.sqlite or postgres
    return uploads if elsewhere else [*uploads, "the database on the server's disk"]


def refuse_losses(settings: Settings, before: Recorded | None) -> None:
    """Hold the settings against those of the last good `up`; None where there was none."""
    now, accepted = recorded(settings), settings.accept_data_loss
    lost = _lost(before, now) if before else {}
    if before:
        _refuse_older(before, now)
        _refuse_smaller(before, now)
        protected = before["protect"] or now["protect"]
        wrong = [key for key in lost if protected or key not in accepted]
        if wrong:
            lines = [_line(key, before, now, lost[key]) for key in wrong]
            raise SettingsError("\n".join([*lines, *_steps(wrong, before, now)]))
    for key in accepted:
        if key not in lost:
            raise SettingsError(f"{_file(now)}: {ACCEPT}: names {key}, which loses nothing now, take it out again")


def _refuse_older(before: Recorded, now: Recorded) -> None:
    kinds = [("server-generation", "the servers", "them")]
    if _same_database(before, now):
        kinds.append(("database-generation", "the database's server", "it"))
    for key, what, it in kinds:
        was, wanted = int(before.get(key, 1)), int(now[key])
        if wanted < was:
            raise SettingsError(
                f"{_file(now)}: {key}: should be {was} or more, a lower one replaces {what} as a higher "
                f"one does (got {wanted}), write {was} to keep {it} or {was + 1} to renew {it}"
            )


def _refuse_smaller(before: Recorded, now: Recorded) -> None:
    was, wanted = int(before.get("database-disk", 0)), int(now["database-disk"])
    if _same_database(before, now) and wanted < was:
        raise SettingsError(
            f"{_file(now)}: database-disk: should be {was} or more, a disk only grows (got {wanted}), write {was}"
        )


def _same_database(before: Recorded, now: Recorded) -> bool:
    """One of another kind, or in another cloud, has no generation and no disk, or starts anew."""
    return all(before[key] == now[key] for key in ("cloud", "database"))


def _lost(before: Recorded, now: Recorded) -> dict[str, list[str]]:
    """What goes with each setting that changes."""
    local = [what for what in before["on-servers"] if what.startswith("the database")]
    gone = ["the database"]
    database = {"managed": gone, "sqlite": gone, "local": local}.get(before["database"], [])
    uploads = ["the uploads"] if before["media"] != "disk" else []
    on_disk = list(before["on-servers"])
    elsewhere = [each for each in database if each not in on_disk]
    everything = [*elsewhere, *uploads, *on_disk, "the artifacts", "the address"]
    moved = "disk" in (before["media"], now["media"])
    goes = {
        **dict.fromkeys(("stack", "cloud", "site", "region"), everything),
        "network": ["the private network", *elsewhere, *on_disk],
        "database": database,
        "media": [*uploads, *on_disk] if moved else [],
        **dict.fromkeys(("server-size", "server-generation"), on_disk),
    }
    return {key: what for key, what in goes.items() if what and before[key] != now[key]}


def _line(key: str, before: Recorded, now: Recorded, lost: Sequence[str]) -> str:
    was, given = before[key], f"got {now[key]!r}" if now[key] else "got none"
    stay = f"should stay {was}" if was else "should stay away"
    back = f"pulumi stack rename {was}" if key == "stack" else f"write {key}: {was}" if was else f"take {key} out"
    return f"{_file(now)}: {key}: {stay}, or {_and(lost)} would be lost ({given}), {back}"


def _steps(wrong: Sequence[str], before: Recorded, now: Recorded) -> list[str]:
    """How to really mean it."""
    up = f"pulumi up -s {now['stack']}"
    protected = before["protect"] or now["protect"]
    unprotect = [f"protect: false, everything else as it was before this edit: {up}"] if before["protect"] else []
    change = f"the edit, {ACCEPT}: [{', '.join(wrong)}]{' and protect: false' if protected else ''}: {up}"
    after = f"{ACCEPT} out again{' and protect: true' if protected else ''}: {up}"
    steps = enumerate([*unprotect, change, after], 1)
    return ["To really mean it, in this order:", *(f"  {number}. {step}" for number, step in steps)]


def _file(now: Recorded) -> str:
    return f"stacks/Pulumi.{now['stack']}.yaml"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
