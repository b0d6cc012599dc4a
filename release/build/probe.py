"""Runs under the target's Python with the overlay: what a project is, and its static files, found in one Django start.

Called by release/build/inspection.py with two arguments: the file for the answer, the staged project.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

output = io.StringIO()
OS_MODULE = ("os.py", "<frozen os>")


class Finding(Exception):
    """What Django found wrong, in its own words."""


class Phase:
    """What the project's code is being asked for, for the message when it fails."""

    name = "django"


def look(source: str) -> dict[str, Any]:
    django = import_module("django")
    Phase.name = "settings"
    # The first access imports the project's settings.
    getattr(import_module("django.conf").settings, "INSTALLED_APPS")  # noqa: B009
    Phase.name = "apps"
    django.setup()
    Phase.name = "checks"
    check()
    Phase.name = "migrations"
    leaves = migrations()
    Phase.name = "wsgi"
    import_module("slipway_wsgi")  # the very module gunicorn loads
    Phase.name = "static"
    collect()
    wsgi, asgi = entry("WSGI_APPLICATION"), entry("ASGI_APPLICATION")
    overlaid = import_module("slipway_settings").overlaid()
    found = {"django": django.get_version(), "wsgi": wsgi, "asgi": asgi, "migrations": leaves}
    return {**found, "left": left(source), "overlaid": overlaid}


def check() -> None:
    checks = import_module("django.core.checks")
    errors = [found for found in checks.run_checks() if found.level >= checks.ERROR and not found.is_silenced()]
    if errors:
        more = f", and {len(errors) - 1} more" if errors[1:] else ""
        raise Finding(f"{errors[0].id} {errors[0].obj or ''} {errors[0].msg}{more}")


def migrations() -> dict[str, list[str]]:
    loader = import_module("django.db.migrations.loader").MigrationLoader(None)
    conflicts = loader.detect_conflicts()
    if conflicts:
        raise Finding(f"several for {', '.join(sorted(conflicts))}")
    leaves: dict[str, list[str]] = {}
    for app, name in sorted(loader.graph.leaf_nodes()):
        leaves.setdefault(app, []).append(name)
    return leaves


def entry(name: str) -> str | None:
    value = getattr(import_module("django.conf").settings, name, None)
    return value.rpartition(".")[0] if value else None


def collect() -> None:
    if import_module("django.apps").apps.is_installed("django.contrib.staticfiles"):
        call = import_module("django.core.management").call_command
        call("collectstatic", interactive=False, verbosity=0, stdout=output, stderr=output)


def left(source: str) -> dict[str, str]:
    """Directories in the project that its own settings use for uploads and for collected files."""
    module, base = sys.modules[os.environ["SLIPWAY_SETTINGS"]], os.path.realpath(source)
    found: dict[str, str] = {}
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        path = os.path.realpath(str(getattr(module, name, None) or "/"))
        if path.startswith(base + os.sep):
            found[name] = os.path.relpath(path, base).replace(os.sep, "/")
    return found


def failure(error: BaseException, source: str) -> dict[str, Any]:
    chain = chained(error)
    frames = [frame for found in chain for frame in traceback.extract_tb(found.__traceback__)]
    places = [(frame.filename, frame.lineno) for frame in frames]
    if isinstance(error, SyntaxError):
        places.append((str(error.filename), error.lineno))
    own = [f"{os.path.relpath(file, source)}:{line}" for file, line in places if file.startswith(source + os.sep)]
    environment = isinstance(error, KeyError) and frames and os.path.basename(frames[-1].filename) in OS_MODULE
    return {
        "phase": Phase.name,
        "kind": type(error).__name__,
        "chain": [type(found).__name__ for found in chain],
        "message": str(error).replace(source + os.sep, ""),
        "where": own[-1] if own else "",
        "missing": str(error.args[0]) if environment else None,
        "missing_module": error.name if isinstance(error, ModuleNotFoundError) else None,
        "output": output.getvalue()[-4000:],
    }


def chained(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.insert(0, error)
        error = error.__cause__ or error.__context__
    return found


def main() -> None:
    answer, source = sys.argv[1:3]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            result = {"found": look(source)}
    except BaseException as error:
        result = {"failure": failure(error, source)}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
