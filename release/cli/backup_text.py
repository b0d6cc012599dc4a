"""What `slipway backup` prints for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["complaints", "drilled", "given_up", "made", "restored", "status", "told"]

BEHIND = 300
FULL = 90
BACKUP_AGE = 36 * 3600
DRILL_AGE = 9 * 24 * 3600
Answer = Mapping[str, Any]


def status(found: Answer, *, stack: str) -> str:
    """What there is to come back to, and what is wrong with it."""
    rows = dict(_rows(found))
    width = max(map(len, rows))
    bad = complaints(found, stack=stack)
    return "\n".join([*(f"{name.ljust(width)}  {words}" for name, words in rows.items()), *([""] if bad else []), *bad])


def complaints(found: Answer, *, stack: str) -> list[str]:
    """What keeps these backups from being trusted, with the way out."""
    newest, drill, archive = found.get("newest"), found.get("drill"), found.get("archive") or {}
    bad = []
    if newest is None:
        bad.append(f"there is no backup: slipway backup now {stack}")
    elif newest["age"] > found.get("due", BACKUP_AGE):
        often = "weekly" if "due" in found else "daily"
        bad.append(f"the newest backup is {span(newest['age'])} old, backups are {often}: slipway backup now {stack}")
    elif not newest["sound"]:
        bad.append("the newest backup found pages with wrong checksums, see /var/log/pgbackrest on the machine")
    own = (found.get("cloud") or {}).get("newest")
    if own and time.time() - own > BACKUP_AGE:
        bad.append(
            f"the cloud's own newest backup is {span(time.time() - own)} old, it makes one a day: ask its support"
        )
    if drill is None:
        bad.append(f"no backup was ever restored: slipway backup drill {stack}")
    elif not drill["ok"]:
        bad.append(f"the last drill was red: {drill['error']}")
    elif time.time() - drill["done"] > DRILL_AGE:
        bad.append(f"the last drill was {span(time.time() - drill['done'])} ago, drills are weekly")
    if archive.get("behind", 0) > BEHIND:
        bad.append(f"the archive is {span(archive['behind'])} behind: does the bucket take anything?")
    if (found.get("disk") or {}).get("percent", 0) > FULL:
        grows = found.get("grows", "server-size")
        bad.append(f"the disk is {found['disk']['percent']} % full: free some of it, or raise {grows}")
    return bad


def _rows(found: Answer) -> Iterator[tuple[str, str]]:
    newest, archive, disk = found.get("newest"), found.get("archive"), found.get("disk")
    if newest:
        stored = f"{size(newest['bytes'])}, {size(newest['stored'])} of it new in the bucket"
        yield "newest backup", f"{newest['label']} ({newest['kind']}), {span(newest['age'])} ago, {stored}"
        reach = "back to any moment since" if archive else "the oldest of"
        yield "kept", f"{found['backups']}; {reach} {_when(found['oldest'])}"
    else:
        yield "newest backup", "none"
    if archive:
        waiting = f"{span(archive['behind'])} behind, {archive['queue']} pieces of the log wait"
        yield "archive", waiting if archive["queue"] else "has everything but the last minute"
    if disk:
        yield "disk", f"{disk['percent']} % of {size(disk['bytes'])}"
    if "cloud" in found:
        yield "the cloud's", _own_row(found["cloud"])
    yield "last drill", _drill_row(found.get("drill"))


def _own_row(own: Answer) -> str:
    if "reason" in own:
        return f"not asked: {own['reason']}"
    if not own["count"]:
        return "none yet"
    return f"{own['count']}; the newest {span(time.time() - own['newest'])} ago, the oldest of {_when(own['oldest'])}"


def _drill_row(drill: Answer | None) -> str:
    if drill is None:
        return "never"
    ago = f"{span(time.time() - drill['done'])} ago"
    return f"green, {ago}, of {drill['label']}" if drill["ok"] else f"red, {ago}"


def made(found: Answer) -> str:
    """A backup made now."""
    newest = found["newest"]
    return f"backup {newest['label']} ({newest['kind']}), {size(newest['bytes'])}, in {span(found['seconds'])}"


def drilled(found: Answer) -> str:
    """Green with figures, or red with the cause."""
    if not found["ok"]:
        return "\n".join([f"red: {found['error']}", *(f"  {line}" for line in found["detail"])])
    counted = f"{found['tables']:,} tables with {found['rows']:,} rows"
    as_what = "counted with the dump" if found["label"].endswith("Z") else "in the live database"
    lines = [
        f"green: {found['label']} was restored in {span(sum(found['seconds'].values()))}: {counted}, as "
        f"{as_what}; amcheck and checksums found nothing wrong",
        f"lost with the database at the moment of the drill: {span(found['loss'])} of commits at most",
    ]
    if not found["tables"]:
        lines.append("the database has no table yet, so this says little")
    return "\n".join(lines)


def restored(found: Answer, *, stack: str) -> str:
    """What the database is now, and the steps that are left."""
    if "undone" in found:
        return "the database from before the last restore serves again"
    last = f"its last commit is of {found['last_commit']}" if found["last_commit"] else "nothing was replayed"
    return "\n".join([
        f"restored in {span(found['seconds'])}: {found['tables']} tables, {last}",
        f"the one before is kept on the machine ({found['aside']}) for a week:",
        f"  slipway backup restore {stack} --undo      puts it back",
        f"  slipway backup restore {stack} --confirm   gives it up",
        "where the site's release has newer migrations than that moment, apply them again:",
        f"  pulumi up -s {stack} --replace '**:Command::release'",
    ])  # fmt: skip


def given_up(found: Answer) -> str:
    """What was removed."""
    return "\n".join(f"removed {path}" for path in found["given_up"]) or "nothing was set aside"


def told(at: datetime | None) -> str:
    """A moment with its zone, and the same on this computer's clock."""
    if at is None:
        return "the last commit in the archive"
    here = at.astimezone()
    same = f" ({here:%Y-%m-%d %H:%M:%S %Z} here)" if here.utcoffset() else ""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC{same}"


def span(seconds: float) -> str:
    """A time in the unit a person would use."""
    for unit, long in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * long:
            return f"{seconds / long:.0f} {unit}s"
    return f"{seconds:.0f} s"


def size(bytes_: float) -> str:
    """Bytes in the unit a person would use."""
    for unit, large in (("GB", 1e9), ("MB", 1e6)):
        if bytes_ >= large:
            return f"{bytes_ / large:.1f} {unit}"
    return f"{bytes_ / 1e3:.0f} kB"


def _when(stamp: float) -> str:
    return f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%d %H:%M} UTC"
