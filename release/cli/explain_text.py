"""What an environment makes of its project, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["text_of"]

MEDIA = {
    "private": "a private bucket, each file behind a signed address",
    "public": "a bucket that everybody may read",
    "disk": "the server's disk, Caddy serves /media/",
}
DATABASE = {
    "none": "as the project's settings say",
    "sqlite": "a file on the server, copied to a bucket as it is written",
}


def text_of(found: Mapping[str, Any]) -> str:
    """The whole of it."""
    head = f"{found['stack']}: {found['settings']} of {found['project']}"
    parts = [_laid(found), _kept(found), _runs(found), [f"  {note}" for note in found["notes"]]]
    heads = ["", "", "how it runs", "worth knowing"]
    return "\n".join([head, *(line for name, part in zip(heads, parts, strict=True) for line in _part(name, part))])


def _part(name: str, lines: list[str]) -> list[str]:
    return ["", *([name] if name else []), *lines] if lines else []


def _laid(found: Mapping[str, Any]) -> list[str]:
    if not found["overlay"]:
        duties = [f"  {duty}" for duty in found["duties"]] or ["  nothing is left to do"]
        return ["overlay: false, the project's own settings run as they are", *duties]
    rows = [(each["name"], each["kind"], each["why"]) for each in found["overrides"]]
    return ["laid over the project's settings", *_table(rows)]


def _kept(found: Mapping[str, Any]) -> list[str]:
    words = {True: "as the project has it", False: "slipway leaves it alone anyway"}
    rows = [(each["name"], words[each["would_be_laid_over"]]) for each in found["kept"]]
    return ["kept", *_table(rows)] if rows else []


def _runs(found: Mapping[str, Any]) -> list[str]:
    serving, dependencies, static, web = (found[name] for name in ("interface", "dependencies", "static", "web"))
    resolved = f", resolved into {dependencies['resolved_into']}" if dependencies["resolved_into"] else ""
    processes = web["processes"] or "as many as memory, CPU and the database bear"
    rows = [
        ("interface", f"{serving['kind'].upper()} ({serving['why']}): {serving['application']}, {serving['server']}"),
        ("python", f"{found['python']}, Django {found['django']}"),
        ("packages", f"{dependencies['from']}{resolved}"),
        ("static", _static(static)),
        ("uploads", MEDIA.get(found["media"], found["media"])),
        ("database", DATABASE.get(found["database"], "a Postgres of the stack's own")),
        ("web", f"processes: {processes}; threads: {web['threads']}"),
        *((f"worker {name}", command) for name, command in found["workers"].items()),
        *((f"schedule {name}", f"{job['run']}, {job['at']}") for name, job in found["schedule"].items()),
    ]
    return _table(rows)


def _static(static: Mapping[str, Any]) -> str:
    if not static["backend"]:
        return "none, django.contrib.staticfiles is not installed"
    if not static["collected"]:
        return f"{static['backend']} at {static['url']}, filled by before-release: [collectstatic --noinput]"
    by = "Caddy" if str(static["url"]).startswith("/static/") else "the project itself"
    return f"{static['backend']} at {static['url']}, served by {by}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return list(_aligned(rows))


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)] if rows else []
    for row in rows:
        yield "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
