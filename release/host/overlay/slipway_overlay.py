"""What slipway changes in a Django project's settings: pure functions from the project's values and the environment."""

import ast
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from slipway_environment import (  # type: ignore[import-not-found,unused-ignore]
    hosts,
    is_asgi,
    keep,
    origins,
    state,
    truth,
)

Settings = dict[str, Any]

DEFAULT = object()
FILES = "django.core.files.storage.FileSystemStorage"
STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"
HASHED_STATIC = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
IN_PROCESS = "django.core.cache.backends.locmem.LocMemCache"
REDIS = "django.core.cache.backends.redis.RedisCache"
OLD_STORAGES = ("STATICFILES_STORAGE", "DEFAULT_FILE_STORAGE")  # Django refuses them beside STORAGES
SECRET = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASES", "STORAGES", "EMAIL_HOST_PASSWORD")
MAIL = ("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "DEFAULT_FROM_EMAIL", "SERVER_EMAIL")


@dataclass(frozen=True)
class Change:
    """One setting that is not what the project says: what it is now, of which kind, and why."""

    name: str
    what: str
    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what} ({self.why})"


def apply(*, user: Settings, environ: Mapping[str, str]) -> tuple[Settings, list[Change]]:
    """The project's settings with ours laid over them, and what that changed."""
    result = {name: value for name, value in user.items() if name not in OLD_STORAGES}
    kept = keep(environ)
    changes: list[Change] = []
    for name, value, why in overrides(user=user, environ=environ, kept=kept):
        if name in kept:
            continue
        if name not in user or user[name] != value:
            what = described(name=name, before=user.get(name, DEFAULT), after=value)
            changes.append(Change(name, what, kind(name=name, value=value), why))
        result[name] = value
    return result, changes


def overrides(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    """Every setting slipway wants, in the order in which it is reported."""
    parts: list[Callable[..., list[tuple[str, Any, str]]]] = [edge, database, storages, cache, logs, mail]
    return [item for part in parts for item in part(user=user, environ=environ, kept=kept)]


def edge(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    wanted: list[tuple[str, Any, str]] = [("DEBUG", False, "a site that is live")]
    if "SECRET_KEY" in environ:
        wanted.append(("SECRET_KEY", environ["SECRET_KEY"], "made for this environment"))
    if environ.get("SECRET_KEY_FALLBACKS"):
        former = environ["SECRET_KEY_FALLBACKS"].split(",")
        known = [key for key in user.get("SECRET_KEY_FALLBACKS", []) if key not in former]
        wanted.append(("SECRET_KEY_FALLBACKS", former + known, "the key before this one"))
    if hosts(environ):
        known = [origin for origin in user.get("CSRF_TRUSTED_ORIGINS", []) if origin not in origins(environ)]
        wanted.append(("ALLOWED_HOSTS", hosts(environ), "hosts of the stack file"))
        wanted.append(("CSRF_TRUSTED_ORIGINS", origins(environ) + known, "hosts of the stack file"))
    return [
        *wanted,
        ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"), "only Caddy reaches the socket"),
        ("SESSION_COOKIE_SECURE", True, "the site is HTTPS only"),
        ("CSRF_COOKIE_SECURE", True, "the site is HTTPS only"),
    ]


def database(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    if "DATABASES" in kept:
        return []
    databases = dict(user.get("DATABASES", {}))
    default = dict(databases.get("default", {}))
    if environ.get("DATABASE_URL", "").startswith("sqlite:///"):
        wanted = sqlite(path=environ["DATABASE_URL"].removeprefix("sqlite:///"), default=default)
        return [("DATABASES", {**databases, "default": wanted}, "database of the stack")]
    if environ.get("DATABASE_URL"):
        wanted = postgres(url=environ["DATABASE_URL"], default=default, lasting=not is_asgi(environ))
        return [("DATABASES", {**databases, "default": wanted}, "database of the stack"), *postgres_app(user)]
    if default.get("ENGINE", "").endswith("sqlite3") and environ.get("SLIPWAY_SITE"):
        name = str(default.get("NAME", "db.sqlite3")).rsplit("/", 1)[-1]
        wanted = {**default, "NAME": f"{state(environ)}/{name}"}
        return [("DATABASES", {**databases, "default": wanted}, "the release itself is read-only")]
    return []


def sqlite(*, path: str, default: Settings) -> Settings:
    """DATABASES['default'] for a file that both slots open and Litestream copies; options of the project's own stay."""
    same = default.get("ENGINE", "").endswith(("sqlite3", "spatialite"))
    options = {"timeout": 5, **(default.get("OPTIONS", {}) if same else {})}
    if django_version() >= (5, 1):
        # Litestream sets WAL too; a transaction that reads before it writes would fail instead of waiting.
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;"
        options = {"transaction_mode": "IMMEDIATE", "init_command": pragmas, **options}
    kept = default if same else {key: default[key] for key in ("ATOMIC_REQUESTS",) if key in default}
    engine = default["ENGINE"] if same else "django.db.backends.sqlite3"
    return {**kept, "ENGINE": engine, "NAME": path, "OPTIONS": options}


def django_version() -> tuple[int, int]:
    """Options of 5.1 and newer are refused by older ones."""
    try:
        import django  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return (0, 0)
    return (django.VERSION[0], django.VERSION[1])


def postgres(*, url: str, default: Settings, lasting: bool) -> Settings:
    """DATABASES['default'] from a URL; a Postgres flavour, options and transaction mode of the project stay."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql", "postgis"):
        rule = "DATABASE_URL: should start with postgres://"
        raise ValueError(f"{rule} (got {parts.scheme}://), keep DATABASES to use another")
    same = "postg" in default.get("ENGINE", "")
    engine = default["ENGINE"] if same else "django.db.backends.postgresql"
    options = {**(default.get("OPTIONS", {}) if same else {}), **dict(parse_qsl(parts.query))}
    kept = default if same else {key: default[key] for key in ("ATOMIC_REQUESTS",) if key in default}
    return {
        **kept,
        "ENGINE": engine,
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        # Django refuses a pool with persistent connections; under ASGI each would stay with a thread that is gone.
        "CONN_MAX_AGE": 60 if lasting and not options.get("pool") else 0,
        "CONN_HEALTH_CHECKS": True,
    }


def postgres_app(user: Settings) -> list[tuple[str, Any, str]]:
    """Wagtail and others have fields that only pass Django's checks on Postgres with this app (it has no tables)."""
    apps = list(user.get("INSTALLED_APPS", []))
    if any(app.startswith("django.contrib.postgres") for app in apps):
        return []
    return [("INSTALLED_APPS", [*apps, "django.contrib.postgres"], "the database is Postgres")]


def storages(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    theirs = user_storages(user)
    wanted = dict(theirs)
    media = json.loads(environ.get("SLIPWAY_MEDIA") or "{}")
    found: list[tuple[str, Any, str]] = []
    if media and not kept & {"STORAGES", "STORAGES.default"}:
        wanted["default"] = media_storage(media=media)
        if media["mode"] == "disk":
            found.append(("MEDIA_ROOT", media.get("root") or f"{state(environ)}/media", "media: disk"))
            found.append(("MEDIA_URL", "/media/", "Caddy serves it"))
    if "STORAGES.staticfiles" not in kept and not is_hashed(theirs["staticfiles"]["BACKEND"]):
        wanted["staticfiles"] = {"BACKEND": HASHED_STATIC}
        found += collectors(user)
    if environ.get("SLIPWAY_STATIC"):
        found.append(("STATIC_ROOT", environ["SLIPWAY_STATIC"], "static files of this release"))
        found.append(("STATIC_URL", "/static/", "Caddy serves it"))
    return [*found, ("STORAGES", wanted, "media and static files of the stack")]


def collectors(user: Settings) -> list[tuple[str, Any, str]]:
    """Apps whose collectstatic knows nothing but a bucket."""
    apps = [app for app in ("collectfast", "collectfasta") if app in user.get("INSTALLED_APPS", [])]
    return [(f"{app.upper()}_ENABLED", False, "static files are this release's") for app in apps]


def user_storages(user: Settings) -> dict[str, Settings]:
    return {
        "default": {"BACKEND": user.get("DEFAULT_FILE_STORAGE", FILES)},
        "staticfiles": {"BACKEND": user.get("STATICFILES_STORAGE", STATIC)},
        **user.get("STORAGES", {}),
    }


def media_storage(*, media: Settings) -> Settings:
    """STORAGES['default'] for the `media` setting of the stack."""
    if media["mode"] == "disk":
        return {"BACKEND": FILES}
    bucket, private = media["bucket"], media["mode"] == "private"
    options = {
        "bucket_name": bucket["name"],
        "access_key": bucket["access_key"],
        "secret_key": bucket["secret_key"],
        "endpoint_url": bucket["endpoint"],
        "region_name": "us-east-1",
        "signature_version": "s3v4",
        "addressing_style": "virtual",
        "default_acl": "private" if private else "public-read",
        "querystring_auth": private,
        "file_overwrite": False,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def is_hashed(backend: str) -> bool:
    """Whether a staticfiles backend gives hashed names on this disk, judged without importing it."""
    module, _, name = backend.rpartition(".")
    if module.startswith("storages.") or "S3" in name:
        return False
    if any(word in name for word in ("Manifest", "Hashed")):
        return True
    return any("Manifest" in base or "Hashed" in base for base in bases(module=module, name=name))


def bases(*, module: str, name: str) -> list[str]:
    try:
        spec = importlib.util.find_spec(module)
        with open(str(spec and spec.origin), encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (ImportError, OSError, SyntaxError, ValueError):
        return []
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name]
    return [ast.unparse(base) for node in classes for base in node.bases if "S3" not in ast.unparse(base)]


def cache(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    """The cache of the stack, for a project that left Django's own and has what speaks to it."""
    caches = user.get("CACHES", {})
    left = caches.get("default", {}).get("BACKEND", IN_PROCESS) == IN_PROCESS
    if not environ.get("SLIPWAY_VALKEY") or not left or not has("redis") or django_version() < (4, 0):
        return []
    wanted = {"BACKEND": REDIS, "LOCATION": environ["SLIPWAY_VALKEY"]}
    return [("CACHES", {**caches, "default": wanted}, "cache of the stack")]


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def logs(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    if user.get("LOGGING"):
        return []
    wanted = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {"django.request": {"level": "WARNING"}},
    }
    return [("LOGGING", wanted, "errors go to slipway logs")]


def mail(*, user: Settings, environ: Mapping[str, str], kept: set[str]) -> list[tuple[str, Any, str]]:
    # Django 6.1 refuses MAILERS beside any EMAIL_*.
    if "MAILERS" in user:
        return []
    found: list[tuple[str, Any, str]] = []
    if user.get("EMAIL_TIMEOUT") is None:  # a mail port that is blocked in silence would hold a thread for minutes
        found.append(("EMAIL_TIMEOUT", int(environ.get("EMAIL_TIMEOUT", 10)), "a blocked port must not hold a thread"))
    if not environ.get("EMAIL_HOST"):
        return found
    found += [(name, environ[name], "from env") for name in MAIL if name in environ]
    found.append(("EMAIL_PORT", int(environ.get("EMAIL_PORT", user.get("EMAIL_PORT", 587))), "from env"))
    ssl = truth(environ.get("EMAIL_USE_SSL", ""))
    found.append(("EMAIL_USE_SSL", ssl, "from env"))
    found.append(("EMAIL_USE_TLS", not ssl and truth(environ.get("EMAIL_USE_TLS", "1")), "from env"))
    return found


def described(*, name: str, before: Any, after: Any) -> str:
    """What a change does to a value, in few words and without secrets."""
    if name in SECRET or isinstance(after, dict):
        return "set" if before is DEFAULT else "replaced"
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and set(before) < set(after):
        return f"with {', '.join(item for item in after if item not in before)}"
    return f"{after!r} instead of " + ("Django's default" if before is DEFAULT else repr(before))


def kind(*, name: str, value: Any) -> str:
    """Of which kind a value is, never the value itself."""
    if name in SECRET:
        return "secret"
    kinds = {bool: "true or false", int: "number", str: "text", list: "list", tuple: "list", dict: "table"}
    return kinds.get(type(value), type(value).__name__)
