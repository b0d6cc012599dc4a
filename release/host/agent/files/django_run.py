"""Runs in the site's own sandbox, with its settings. The last line on stdout is the result."""

# mypy: disable-error-code="import-not-found, import-untyped"

import contextlib
import gc
import importlib.util
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from typing import Any

SETTINGS = os.environ["DJANGO_SETTINGS_MODULE"]
LOCK = 0x736C6970776179  # one migration at a time, whoever starts it


def preflight() -> dict[str, Any]:
    import django

    django.setup()
    from django.conf import settings

    if settings.SETTINGS_MODULE != SETTINGS:
        wanted = "slipway's overlay" if SETTINGS == "slipway_settings" else SETTINGS
        raise RuntimeError(
            f"settings: should be {wanted} (got {settings.SETTINGS_MODULE}), let wsgi.py and code only setdefault it"
        )
    warnings = check()
    import_module(f"slipway_{os.environ.get('SLIPWAY_INTERFACE', 'wsgi')}")  # it must import
    overrides = import_module(SETTINGS).report() if SETTINGS == "slipway_settings" else []
    speaks = any(importlib.util.find_spec(name) for name in ("redis", "valkey"))
    seen = {"overrides": overrides, "warnings": warnings, "speaks to a cache": speaks}
    return {**pending(), **seen}


def pending() -> dict[str, Any]:
    """What migrate would do and to what, and what this release knows of the database."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from slipway_schema import refuse_unmade, used

    executor = MigrationExecutor(connection)
    loader, wanted = executor.loader, planned(executor)
    refuse_unmade(loader)
    known = {*loader.disk_migrations, *(each for one in loader.disk_migrations.values() for each in one.replaces)}
    return {
        "plan": [str(migration) for migration in wanted],
        "findings": findings(executor, wanted) if wanted and loader.applied_migrations else {},
        "applied": applied(executor.recorder.applied_migrations()),
        "known": sorted(".".join(each) for each in known),
        "uses": used(),
    }


def findings(executor: Any, wanted: list[Any]) -> dict[str, Any]:
    from django.db.migrations.state import ProjectState
    from slipway_schema import classified

    state, applied = ProjectState(), executor.loader.applied_migrations
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True):
        if (migration.app_label, migration.name) in applied:
            migration.mutate_state(state, preserve=False)
    return dict(classified(wanted, state=state))


def schema() -> dict[str, Any]:
    """Which migrations the database has now."""
    import django

    django.setup()
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return {"applied": applied(MigrationRecorder(connection).applied_migrations())}


def applied(rows: Any) -> dict[str, str]:
    """Each migration of the database and since when it is there."""
    return {".".join(key): row.applied.isoformat() for key, row in rows.items()}


def check() -> int:
    """Raises what is an error; how many warnings there are."""
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError

    said = io.StringIO()
    try:
        call_command("check", deploy=True, fail_level="ERROR", stdout=said, stderr=said)
    except SystemCheckError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        first = next((line for line in lines[1:] if "(" in line), lines[0])
        raise RuntimeError(f"check --deploy: {first}") from None
    return sum(line.lstrip().startswith(("?:", "\x1b")) or ": (" in line for line in said.getvalue().splitlines())


def migrate() -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    cause = {}
    with alone(connection):
        wanted = plan()
        try:
            call_command("migrate", interactive=False, verbosity=1, stdout=sys.stderr, stderr=sys.stderr)
        except BaseException as error:
            traceback.print_exc()
            cause = {"cause": f"{type(error).__name__}: {one_line(error)}"}
        done = MigrationRecorder(connection).applied_migrations()
    new = [f"{each.app_label}.{each.name}" for each in wanted if (each.app_label, each.name) in done]
    return {"applied": new, "database": applied(done), **cause}


def plan() -> list[Any]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    return planned(MigrationExecutor(connection))


def planned(executor: Any) -> list[Any]:
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


@contextlib.contextmanager
def alone(connection: Any) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise RuntimeError("another migration is running on this database, wait for it and run pulumi up again")
    yield  # let go of when the connection ends


def one_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def run(verb: str) -> dict[str, Any]:
    try:
        return {"preflight": preflight, "migrate": migrate, "schema": schema}[verb]()
    except BaseException as error:
        traceback.print_exc()
        text = one_line(error)
        known = text.startswith(("check --deploy: ", "settings: ", "migrations: "))
        return {"cause": text if known else f"{type(error).__name__}: {text}"}


def let_go() -> None:
    """End what is open, and leave the interpreter no garbage to sort out at its end."""
    with contextlib.suppress(Exception):
        from django.db import connections

        connections.close_all()
    gc.freeze()


result = run(sys.argv[1])
sys.stderr.flush()
print("\n" + json.dumps(result), flush=True)
let_go()
sys.exit(1 if "cause" in result else 0)
