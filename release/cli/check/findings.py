"""From what a project's settings say to lines a person can act on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from release.build import requirements
from release.build.dependencies import Dependencies
from release.cli.check.report import Report
from release.cli.check.source import Source

__all__ = ["GIVEN", "bytes_of", "entry_points", "packages", "report", "sources", "variables", "writes"]

# What slipway itself puts into the environment of a site.
GIVEN = frozenset({
    "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG", "DJANGO_ALLOWED_HOSTS", "DJANGO_DEBUG",
    "DJANGO_SECRET_KEY", "DJANGO_SETTINGS_MODULE", "HOME", "LANG", "PATH", "PYTHONPATH", "SECRET_KEY", "TMPDIR",
})  # fmt: skip
SQLITE, POSTGRES = ("sqlite3", "spatialite"), ("postgresql", "postgresql_psycopg2", "postgis", "psqlextra")
DISK = ("", "django.core.files.storage.FileSystemStorage", "django.core.files.storage.filesystem.FileSystemStorage")
SMTP = "django.core.mail.backends.smtp.EmailBackend"
# Caddy redirects and the stack decides: nothing a project need do about these.
EDGES = ("security.W008", "security.W012", "security.W016", "security.W018", "security.W020")


def report(into: Report, found: Mapping[str, Any], *, places: Mapping[str, str], settings: str) -> None:
    """Everything the second probe saw, by the place where a setting is set."""
    facts = found["facts"]

    def at(name: str) -> str:
        return places.get(name, settings)

    _laid(into, found["laid"], settings=settings)
    _hosts(into, facts, at("ALLOWED_HOSTS"))
    _databases(into, facts["DATABASES"], at("DATABASES"))
    _uploads(into, found["uploads"], facts["STORAGES"], at("MEDIA_ROOT"))
    _caches(into, facts["CACHES"], at("CACHES"))
    _mail(into, facts, at("EMAIL_BACKEND"))
    for handler, path in facts["LOGGING"].items():
        into.refuse("settings", f"{at('LOGGING')}: LOGGING handler {handler} should not write into the project "
                    f"(got {path}), the release is read-only: drop it, stderr is in slipway logs")  # fmt: skip
    _migrations(into, found["pending"])
    for id, text in found["deploy"]:
        if id not in EDGES:
            into.note("checks", id or "check --deploy", text.split("\n")[0].split(". ")[0])


def _laid(into: Report, laid: list[list[str]], *, settings: str) -> None:
    names = ", ".join(name for name, _ in laid)
    into.ok("settings", settings, f"laid over yours: {names}; keep: [NAME] leaves one as it is")


def _hosts(into: Report, facts: Mapping[str, Any], where: str) -> None:
    written = [host for host in facts.get("ALLOWED_HOSTS") or [] if host not in ("build.invalid", "*")]
    if written:
        into.note("settings", where, f"ALLOWED_HOSTS names {', '.join(written[:4])}: replaced by the stack's hosts")


def _databases(into: Report, databases: Mapping[str, str], where: str) -> None:
    kind = databases.get("default", "").rpartition(".")[2]
    if kind in SQLITE:
        into.note("database", where, "SQLite: the servers get a managed Postgres instead, empty; the rows you have "
                  "come with dumpdata and slipway manage STACK loaddata")  # fmt: skip
    elif kind in POSTGRES or not kind:
        into.ok("database", where, "a managed Postgres is laid over")
    elif kind != "dummy":
        into.note("database", where, f"{kind}: a managed Postgres is laid over; to keep yours, keep: [DATABASES] and "
                  "database: none")  # fmt: skip
    others = sorted(set(databases) - {"default"})
    if others:
        into.note("database", where, f"{', '.join(others)}: stays as it is, the stack makes one database")


def _uploads(into: Report, uploads: list[str], storage: str, where: str) -> None:
    if not uploads:
        into.ok("uploads", where, "no model takes files")
    elif storage in DISK:
        into.ok("uploads", where, f"{', '.join(uploads[:3])}: files go to a private bucket (media: public or disk)")
    else:
        into.note(
            "uploads", where, f"{storage}: replaced by the stack's bucket; to keep yours, keep: [STORAGES.default]"
        )


def _caches(into: Report, caches: Mapping[str, list[str]], where: str) -> None:
    for alias, (backend, path) in caches.items():
        name = backend.rpartition(".")[2]
        if path:
            into.note("cache", where, f"{alias}: {name} in {path}: the release is read-only, give it a path in TMPDIR")
        elif "Locmem" in name or "LocMem" in name or "Dummy" in name:
            into.ok("cache", where, f"{alias}: {name}, each process has its own")
        elif "Database" in name:
            into.note(
                "cache", where, f"{alias}: {name}: run createcachetable once, slipway manage STACK createcachetable"
            )
        elif "Redis" in name or "Valkey" in name:
            into.note("cache", where, f"{alias}: {name}: cache: valkey makes one and gives it in REDIS_URL")
        elif any(word in name for word in ("Memcache", "PyLibMC", "PyMemcache")):
            into.note(
                "cache", where, f"{alias}: {name}: no such server is made, name one of yours under env or secrets"
            )
        else:
            into.note("cache", where, f"{alias}: {backend}: stays as it is")


def _mail(into: Report, facts: Mapping[str, Any], where: str) -> None:
    backend = facts.get("EMAIL_BACKEND") or SMTP
    if backend == SMTP and facts.get("EMAIL_HOST", "localhost") in ("", "localhost"):
        into.note("mail", where, "no mail server is named: set EMAIL_HOST, EMAIL_HOST_USER under env and "
                  "EMAIL_HOST_PASSWORD under secrets, else sending fails")  # fmt: skip
    elif backend == SMTP:
        into.ok("mail", where, "SMTP, as the settings say")
    else:
        into.note("mail", where, f"{backend.rpartition('.')[2]} of {backend.split('.')[0]}: stays as it is")


def _migrations(into: Report, pending: Mapping[str, list[str]]) -> None:
    if not pending:
        into.ok("database", "makemigrations --check", "every model change has its migration")
    for app, changes in pending.items():
        more = f" and {len(changes) - 1} more" if changes[1:] else ""
        into.note("database", app, f"a model change has no migration ({changes[0]}{more}), run makemigrations {app}")


def entry_points(into: Report, found: Mapping[str, Any], *, settings: str) -> None:
    """What gunicorn loads, through which interface, and why."""
    application = found["entry"] or found[found["interface"]] or settings
    into.ok("processes", application, f"{found['interface'].upper()}, served by gunicorn behind Caddy: {found['why']}")
    if found["interface"] == "wsgi" and found["asgi"]:
        into.note("processes", found["asgi"], "is not used: asynchronous views run under WSGI, web sockets are not "
                  "served; interface: asgi changes it")  # fmt: skip


def packages(into: Report, installed: Mapping[str, str], *, stated: str, file: str) -> None:
    """Packages the project names that need something a stack does not make."""
    for name in ("celery", "django-rq", "django-q2", "huey", "dramatiq", "django-tasks"):
        if name not in installed or name not in stated:
            continue
        broker = "needs a broker: cache: valkey, or one of yours with its URL under secrets"
        worker = "a worker under workers" + (" (celery -A PACKAGE worker)" if name == "celery" else "")
        into.note("processes", file, f"{name} {installed[name]}: {broker}, and {worker}")


def sources(into: Report, found: Dependencies) -> None:
    """Where the packages come from, when that is not this computer's usual index: files, commits, private indexes."""
    requested = requirements.parse(found.text)
    for item in requested:
        if item.local:
            into.ok(
                "dependencies",
                item.local,
                "a package in files: built, and part of the release",
            )
        elif item.commit:
            into.ok("dependencies", found.source, f"{item.name}: from git, commit {item.commit}")
    for index in (each for each in found.indexes if not each.default):  # this computer's own stands for a default
        into.ok("dependencies", found.source, f"the index {index.shown} is asked too, with this computer's credentials")


def variables(into: Report, source: Source, *, settings: str, declared: Collection[str], met: Collection[str]) -> None:
    """Every environment variable once, with its first place; those that have a default, file by file."""
    first = {read.name: read for read in reversed(source.reads(settings))}
    first |= {read.name: read for read in source.reads(settings) if read.required}
    optional: dict[str, list[str]] = {}
    for name in sorted({*first, *met}):
        read = first.get(name)
        where = read.where if read else settings
        if name in declared:
            into.ok("environment", where, f"{name}: declared")
        elif name in met or (read and read.required and name not in GIVEN):
            into.note("environment", where, f"{name}: is required, declare it under env or secrets (see below)")
        elif name in GIVEN:
            into.ok("environment", where, f"{name}: given by slipway")
        else:
            optional.setdefault(where.rpartition(":")[0], []).append(name)
    for file, names in optional.items():
        into.ok("environment", file, f"{', '.join(names)}: not needed; to set one, declare it under env or secrets")


def writes(into: Report, places: Collection[str]) -> None:
    """Code that writes beside itself."""
    for place in places:
        into.note(
            "settings", place, "writes into the project, which is read-only on the servers: use MEDIA_ROOT or TMPDIR"
        )


def bytes_of(size: float) -> str:
    """A size in a person's units."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit != "MB" else f"{size:.1f} MB"
        size /= 1000
    return f"{size:.1f} GB"
