"""Runs under the target's Python with the overlay, after the build's own probe: what `up` would meet later.

Called by release/cli/check/steps.py with two arguments: the file for the answer, the staged project.
"""

import contextlib
import io
import json
import os
import sys
from importlib import import_module
from typing import Any

TEXTS = ("ALLOWED_HOSTS", "EMAIL_BACKEND", "EMAIL_HOST", "INSTALLED_APPS", "MIDDLEWARE", "WSGI_APPLICATION",
         "ASGI_APPLICATION", "CHANNEL_LAYERS", "DEFAULT_FILE_STORAGE")  # fmt: skip


def look(source: str) -> dict[str, Any]:
    import_module("django").setup()
    own = sys.modules[os.environ["SLIPWAY_SETTINGS"]]
    changes = import_module("slipway_settings")._changes
    return {
        "laid": [[change.name, change.why] for change in changes],
        "pending": pending(),
        "deploy": deploy(),
        "uploads": uploads(),
        "facts": facts(own, os.path.realpath(source)),
    }


def pending() -> dict[str, list[str]]:
    """Model changes without a migration, app by app."""
    apps = import_module("django.apps").apps
    loader = import_module("django.db.migrations.loader").MigrationLoader(None, ignore_no_migrations=True)
    state = import_module("django.db.migrations.state").ProjectState.from_apps(apps)
    detector = import_module("django.db.migrations.autodetector").MigrationAutodetector
    questioner = import_module("django.db.migrations.questioner").NonInteractiveMigrationQuestioner
    asked = questioner(specified_apps=set(), dry_run=True)
    changes = detector(loader.project_state(), state, asked).changes(graph=loader.graph)
    described = {app: [step.describe() for each in found for step in each.operations] for app, found in changes.items()}
    return {app: lines for app, lines in described.items() if lines}


def deploy() -> list[list[str]]:
    """What `check --deploy` says with the overlay in place."""
    checks = import_module("django.core.checks")
    found = checks.run_checks(include_deployment_checks=True)
    return [[message.id or "", str(message.msg)] for message in found if not message.is_silenced()]


def uploads() -> list[str]:
    """Models with a field that takes a file."""
    field = import_module("django.db.models").FileField
    models = import_module("django.apps").apps.get_models()
    return sorted({model._meta.label for model in models for each in model._meta.fields if isinstance(each, field)})


def facts(own: Any, source: str) -> dict[str, Any]:
    """The project's own settings, as far as they decide something; no value that may be a secret."""
    found = {name: plain(getattr(own, name)) for name in TEXTS if hasattr(own, name)}
    databases = getattr(own, "DATABASES", {}) or {}
    caches = getattr(own, "CACHES", {}) or {}
    stored = (getattr(own, "STORAGES", {}) or {}).get("default", {}).get("BACKEND")
    return {
        **found,
        "DATABASES": {alias: str(each.get("ENGINE", "")) for alias, each in databases.items()},
        "CACHES": {
            alias: [str(each.get("BACKEND", "")), inside(each.get("LOCATION"), source)]
            for alias, each in caches.items()
        },
        "STORAGES": str(stored or getattr(own, "DEFAULT_FILE_STORAGE", "")),
        "LOGGING": logs(getattr(own, "LOGGING", None) or {}, source),
        "BROKER": sorted(name for name in dir(own) if name.isupper() and name.endswith("BROKER_URL")),
    }


def logs(logging: dict[str, Any], source: str) -> dict[str, str]:
    """Handlers that write a file inside the project."""
    named = {name: inside(handler.get("filename"), source) for name, handler in logging.get("handlers", {}).items()}
    return {name: path for name, path in named.items() if path}


def inside(value: Any, source: str) -> str:
    """A path relative to the project, when it lies in it."""
    path = os.path.realpath(str(value)) if isinstance(value, (str, os.PathLike)) else ""
    return os.path.relpath(path, source) if path.startswith(source + os.sep) else ""


def plain(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value) if value else ""


def main() -> None:
    answer, source = sys.argv[1:3]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = {"found": look(source)}
    except BaseException as error:
        result = {"failure": {"said": f"{type(error).__name__}: {error}"}}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
