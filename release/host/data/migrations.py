"""How a database stands to the release that runs."""

from __future__ import annotations

from typing import Any

__all__ = ["state"]


def state() -> dict[str, Any]:
    """Migrations that are to be applied, and applied ones that this release does not know."""
    import django  # type: ignore[import-not-found,unused-ignore]

    django.setup()
    from django.db import connection  # type: ignore[import-not-found,unused-ignore]
    from django.db.migrations.executor import MigrationExecutor  # type: ignore[import-not-found,unused-ignore]

    loader = MigrationExecutor(connection).loader
    # by migrations as they are: what an app has squashed counts as it was applied
    known, applied = loader.disk_migrations, loader.applied_migrations
    wanted = [key for key in loader.graph.nodes if key not in applied]
    apps = {app for app, _ in known}
    strange = [key for key in applied if key not in known and key[0] in apps and key not in _replaced(known)]
    return {"unapplied": _named(wanted), "unknown": _named(strange)}


def _replaced(known: Any) -> set[Any]:
    return {key for migration in known.values() for key in migration.replaces}


def _named(keys: Any) -> list[str]:
    return sorted(f"{app}.{name}" for app, name in keys)
