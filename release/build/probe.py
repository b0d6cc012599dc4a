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
OVERLAY = "slipway_settings"
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
    settings = import_module("django.conf").settings
    getattr(settings, "INSTALLED_APPS")  # noqa: B009
    settings.STATIC_ROOT = os.environ["SLIPWAY_STATIC"]  # wherever the project's own settings would put them
    Phase.name = "apps"
    django.setup()
    Phase.name = "checks"
    check()
    Phase.name = "migrations"
    leaves = migrations()
    Phase.name, why = interface(settings)
    served = {"interface": Phase.name, "why": why}
    import_module(f"slipway_{Phase.name}")  # the very module gunicorn loads
    Phase.name = "static"
    static = collect(settings)
    wsgi, asgi = entry("WSGI_APPLICATION"), entry("ASGI_APPLICATION")
    found = {"django": django.get_version(), "wsgi": wsgi, "asgi": asgi, "migrations": leaves, **served}
    about = adapted() if os.environ["DJANGO_SETTINGS_MODULE"] == OVERLAY else own(settings)
    return {**found, "left": left(source), "static": static, "entry": served_by(served["interface"]), **about}


def interface(settings: Any) -> tuple[str, str]:
    """wsgi or asgi, and why: an ASGI_APPLICATION alone is no wish for it, `startproject` once wrote one everywhere."""
    if asked := os.environ.get("SLIPWAY_INTERFACE"):
        return asked, "as the stack file says"
    if not getattr(settings, "ASGI_APPLICATION", None):
        return "wsgi", "no ASGI_APPLICATION is set"
    apps = [app for app in ("channels", "daphne") if any(name.split(".")[0] == app for name in settings.INSTALLED_APPS)]
    if apps:
        return "asgi", f"ASGI_APPLICATION is set and {apps[0]} is installed"
    if getattr(settings, "CHANNEL_LAYERS", None):
        return "asgi", "ASGI_APPLICATION and CHANNEL_LAYERS are set"
    return "wsgi", "ASGI_APPLICATION is set, but neither channels nor daphne is installed; interface: asgi serves it"


def served_by(interface: str) -> str:
    """The project's own application, where it adds something to Django's."""
    entry = import_module("slipway_entry")
    module, name = entry.chosen(interface)
    return "" if not module or entry.is_stock(module) else f"{module}.{name}"


def adapted() -> dict[str, Any]:
    """Name, kind and reason of every setting that is laid over the project's own; what is kept, and if it mattered."""
    ours, overlay = import_module(OVERLAY), import_module("slipway_overlay")
    every = overlay.apply(user=ours._project, environ={**os.environ, "SLIPWAY_KEEP": ""})[1]
    names = {change.name for change in every}
    return {
        "overlaid": [[change.name, change.kind, change.why] for change in ours._changes],
        "kept": [[name, name.split(".")[0] in names] for name in sorted(overlay.keep(os.environ))],
        "duties": [],
    }


def own(settings: Any) -> dict[str, Any]:
    return {"overlaid": [], "kept": [], "duties": duties(settings)}


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


def collect(settings: Any) -> dict[str, Any]:
    """Collect the static files where they are files; where they go and who serves them."""
    if not import_module("django.apps").apps.is_installed("django.contrib.staticfiles"):
        return {"backend": "", "url": settings.STATIC_URL, "collected": False}
    storage = import_module("django.contrib.staticfiles.storage").staticfiles_storage
    kind = storage.__class__  # a lazy object has its class of what it stands for
    found = {"backend": f"{kind.__module__}.{kind.__qualname__}", "url": settings.STATIC_URL}
    found["collected"] = is_local(storage)
    if found["collected"]:
        call = import_module("django.core.management").call_command
        call("collectstatic", interactive=False, verbosity=0, stdout=output, stderr=output)
    return found


def is_local(storage: Any) -> bool:
    try:
        storage.path("a")
    except NotImplementedError:
        return False  # a bucket or the like: nothing is sent there while building
    return True


def duties(settings: Any) -> list[str]:
    """What settings that stay the project's own leave undone, found by what they made of the build's environment."""
    default = getattr(settings, "DATABASES", {}).get("default", {})
    named = bool({"build.invalid", "*"} & set(settings.ALLOWED_HOSTS))
    secure = settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE
    served = str(settings.STATIC_URL).startswith(("/static/", "http"))
    served = served or any("whitenoise" in name.lower() for name in settings.MIDDLEWARE)
    asked = (
        (default.get("NAME") == "build", "DATABASES: should come from DATABASE_URL, else the stack's is not used"),
        (os.environ["SECRET_KEY"] == settings.SECRET_KEY, "SECRET_KEY: should come from SECRET_KEY"),
        (named, "ALLOWED_HOSTS: should come from ALLOWED_HOSTS, names with commas between"),
        (not settings.DEBUG, "DEBUG: should be off when DEBUG is 0"),
        (secure, "SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE: should be True, the site is HTTPS only"),
        (served, "STATIC_URL: should be /static/, which Caddy serves, or whitenoise should serve it"),
    )
    return [f"{text} (yours to do)" for is_done, text in asked if not is_done]


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
