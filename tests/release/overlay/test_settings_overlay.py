"""Project settings and an environment in, final settings and the report out."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ENVIRONMENT = {"SLIPWAY_SITE": "shop", "SLIPWAY_HOSTS": "example.org,www.example.org", "SECRET_KEY": "made"}
URL = "postgres://us%40er:p%3Aw@db.internal:25060/shop?sslmode=verify-full&sslrootcert=/etc/slipway/ca.pem"
BUCKET = {"name": "media", "region": "fra1", "endpoint": "https://fra1.example", "access_key": "A", "secret_key": "S"}
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture
def module(overlay: Path) -> ModuleType:
    return importlib.import_module("slipway_overlay")


def applied(module: ModuleType, user: dict[str, Any], **environment: str) -> dict[str, Any]:
    result: dict[str, Any] = module.apply(user=user, environ={**ENVIRONMENT, **environment})[0]
    return result


def static(module: ModuleType, user: dict[str, Any], **environment: str) -> str:
    backend: str = applied(module, user, **environment)["STORAGES"]["staticfiles"]["BACKEND"]
    return backend


def test_what_every_site_gets(module: ModuleType) -> None:
    found = applied(module, {"DEBUG": True, "SECRET_KEY": "insecure", "MIDDLEWARE": ("theirs",), "OWN": 1})
    assert (found["DEBUG"], found["SECRET_KEY"], found["OWN"]) == (False, "made", 1)
    assert found["ALLOWED_HOSTS"] == ["example.org", "www.example.org"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://example.org", "https://www.example.org"]
    assert found["MIDDLEWARE"] == ("theirs",)
    assert found["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True


def test_keys_used_before_are_still_taken(module: ModuleType) -> None:
    found = applied(module, {"SECRET_KEY_FALLBACKS": ["theirs", "before"]}, SECRET_KEY_FALLBACKS="before")
    assert (found["SECRET_KEY"], found["SECRET_KEY_FALLBACKS"]) == ("made", ["before", "theirs"])
    assert "SECRET_KEY_FALLBACKS" not in applied(module, {})
    changes = module.apply(user={}, environ={**ENVIRONMENT, "SECRET_KEY_FALLBACKS": "before"})[1]
    (told,) = [str(each) for each in changes if each.name == "SECRET_KEY_FALLBACKS"]
    assert told == "SECRET_KEY_FALLBACKS: set (the key before this one)"


def test_origins_of_the_project_stay(module: ModuleType) -> None:
    found = applied(module, {"CSRF_TRUSTED_ORIGINS": ["https://app.example.org", "https://example.org"]})
    assert found["CSRF_TRUSTED_ORIGINS"][2:] == ["https://app.example.org"]


def test_database_from_its_url(module: ModuleType) -> None:
    sqlite = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "db.sqlite3",
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"x": 1},
    }
    other = {"ENGINE": "other"}
    found = applied(module, {"DATABASES": {"default": sqlite, "second": other}}, DATABASE_URL=URL)
    assert found["DATABASES"] == {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "shop",
            "USER": "us@er",
            "PASSWORD": "p:w",
            "HOST": "db.internal",
            "PORT": "25060",
            "OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/etc/slipway/ca.pem"},
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "ATOMIC_REQUESTS": True,
        },
        "second": other,
    }
    assert found["INSTALLED_APPS"] == ["django.contrib.postgres"]


def test_a_postgres_of_the_project_keeps_its_flavour_and_pool(module: ModuleType) -> None:
    own = {"ENGINE": "django.contrib.gis.db.backends.postgis", "OPTIONS": {"pool": True}, "TEST": {"NAME": "t"}}
    user = {"DATABASES": {"default": own}, "INSTALLED_APPS": ["django.contrib.postgres.apps.PostgresConfig"]}
    found = applied(module, user, DATABASE_URL=URL)
    default = found["DATABASES"]["default"]
    assert (default["ENGINE"], default["CONN_MAX_AGE"], default["TEST"]) == (own["ENGINE"], 0, {"NAME": "t"})
    assert default["OPTIONS"]["pool"] is True
    assert found["INSTALLED_APPS"] == user["INSTALLED_APPS"]


def test_without_a_database_sqlite_moves_to_the_state_directory(module: ModuleType) -> None:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": Path("/srv/x/db.sqlite3")}
    found = applied(module, {"DATABASES": {"default": sqlite}})
    assert found["DATABASES"]["default"]["NAME"] == "/var/lib/shop/db.sqlite3"


def test_a_url_that_is_not_postgres_is_refused(module: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"DATABASE_URL: should start with postgres:// \(got mysql://\)"):
        applied(module, {}, DATABASE_URL="mysql://x/y")


@pytest.mark.parametrize(("mode", "acl", "signed"), [("private", "private", True), ("public", "public-read", False)])
def test_media_in_a_bucket(module: ModuleType, mode: str, acl: str, signed: bool) -> None:
    found = applied(module, {}, SLIPWAY_MEDIA=json.dumps({"mode": mode, "bucket": BUCKET}))
    storage = found["STORAGES"]["default"]
    assert storage["BACKEND"] == "storages.backends.s3.S3Storage"
    assert storage["OPTIONS"] == {
        "bucket_name": "media",
        "access_key": "A",
        "secret_key": "S",
        "endpoint_url": "https://fra1.example",
        "region_name": "us-east-1",
        "signature_version": "s3v4",
        "addressing_style": "virtual",
        "default_acl": acl,
        "querystring_auth": signed,
        "file_overwrite": False,
    }


def test_media_on_disk(module: ModuleType) -> None:
    found = applied(module, {"MEDIA_ROOT": "/x", "MEDIA_URL": "/up/"}, SLIPWAY_MEDIA='{"mode": "disk"}')
    assert (found["MEDIA_ROOT"], found["MEDIA_URL"]) == ("/var/lib/shop/media", "/media/")
    assert found["STORAGES"]["default"] == {"BACKEND": "django.core.files.storage.FileSystemStorage"}


def test_a_collectstatic_that_knows_only_buckets_stands_back_where_there_is_none(module: ModuleType) -> None:
    bucket = {"STORAGES": {"staticfiles": {"BACKEND": "storages.backends.s3.S3Storage"}}}
    user = {**bucket, "INSTALLED_APPS": ["collectfasta"]}
    assert applied(module, user)["COLLECTFASTA_ENABLED"] is False
    assert "COLLECTFASTA_ENABLED" not in applied(module, user, SLIPWAY_KEEP="STORAGES.staticfiles")
    assert "COLLECTFASTA_ENABLED" not in applied(module, bucket)


@pytest.mark.parametrize(
    ("user", "backend"),
    [
        ({}, MANIFEST),
        ({"STORAGES": {"staticfiles": {"BACKEND": MANIFEST}}}, MANIFEST),
        ({"STORAGES": {"staticfiles": {"BACKEND": WHITENOISE}}}, WHITENOISE),
        ({"STORAGES": {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"}}}, MANIFEST),
        ({"STORAGES": {"staticfiles": {"BACKEND": "storages.backends.s3.S3ManifestStaticStorage"}}}, MANIFEST),
        ({"STATICFILES_STORAGE": WHITENOISE}, WHITENOISE),
        ({"STORAGES": {"staticfiles": {"BACKEND": "their_storage.Lenient"}}}, "their_storage.Lenient"),
        ({"STORAGES": {"staticfiles": {"BACKEND": "their_storage.Plain"}}}, MANIFEST),
    ],
)
def test_static_files_get_hashed_names(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any], backend: str
) -> None:
    source = "class Lenient(ManifestStaticFilesStorage):\n    manifest_strict = False\n\n\nclass Plain(Files): ...\n"
    (tmp_path / "their_storage.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert static(module, user) == backend
    assert "their_storage" not in sys.modules


def test_old_storage_names_are_dropped_and_other_storages_stay(module: ModuleType) -> None:
    user = {"STATICFILES_STORAGE": "a.B", "DEFAULT_FILE_STORAGE": "c.D", "STORAGES": {"backups": {"BACKEND": "e.F"}}}
    found = applied(module, user)
    assert "STATICFILES_STORAGE" not in found
    assert "DEFAULT_FILE_STORAGE" not in found
    assert found["STORAGES"]["backups"] == {"BACKEND": "e.F"}
    assert found["STORAGES"]["default"] == {"BACKEND": "c.D"}


def test_static_files_have_the_place_that_caddy_serves(module: ModuleType) -> None:
    found = applied(module, {"STATIC_URL": "/assets/"}, SLIPWAY_STATIC="/srv/shop/static")
    assert (found["STATIC_ROOT"], found["STATIC_URL"]) == ("/srv/shop/static", "/static/")


def test_logging_only_where_the_project_has_none(module: ModuleType) -> None:
    assert applied(module, {})["LOGGING"]["root"]["handlers"] == ["console"]
    assert applied(module, {"LOGGING": {"version": 1}})["LOGGING"] == {"version": 1}


def test_a_silent_mail_server_is_not_waited_for_unless_the_project_says_so(module: ModuleType) -> None:
    assert applied(module, {})["EMAIL_TIMEOUT"] == 10
    assert applied(module, {}, EMAIL_TIMEOUT="3")["EMAIL_TIMEOUT"] == 3
    assert applied(module, {"EMAIL_TIMEOUT": 90})["EMAIL_TIMEOUT"] == 90
    assert "EMAIL_TIMEOUT" not in applied(module, {"MAILERS": {}})


def test_mail_from_the_environment(module: ModuleType) -> None:
    found = applied(module, {}, EMAIL_HOST="smtp.example.org", EMAIL_HOST_USER="u", DEFAULT_FROM_EMAIL="a@b")
    names = ("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_USE_SSL", "DEFAULT_FROM_EMAIL")
    assert [found[name] for name in names] == ["smtp.example.org", "u", 587, True, False, "a@b"]
    assert "EMAIL_HOST" not in applied(module, {"MAILERS": {}}, EMAIL_HOST="smtp.example.org")


@pytest.mark.parametrize(
    "text", ["STORAGES.default, DATABASES,ALLOWED_HOSTS", '["STORAGES.default", "DATABASES", "ALLOWED_HOSTS"]']
)
def test_what_is_kept_stays_the_projects(module: ModuleType, text: str) -> None:
    user = {"ALLOWED_HOSTS": ["*"], "DATABASES": {"default": {"ENGINE": "x"}}, "MEDIA_ROOT": "/x"}
    found = applied(module, user, SLIPWAY_KEEP=text, DATABASE_URL=URL, SLIPWAY_MEDIA='{"mode": "disk"}')
    assert {name: found[name] for name in user} == user
    assert found["STORAGES"]["default"] == {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    assert found["STORAGES"]["staticfiles"] == {"BACKEND": MANIFEST}
    assert "INSTALLED_APPS" not in found


def test_the_report_tells_every_change_and_no_secret(module: ModuleType) -> None:
    user = {"SECRET_KEY": "old", "DEBUG": True, "MIDDLEWARE": ["theirs"], "LOGGING": {"version": 1}}
    environment = {**ENVIRONMENT, "DATABASE_URL": URL}
    lines = [str(change) for change in module.apply(user=user, environ=environment)[1]]
    assert lines[:3] == [
        "DEBUG: False instead of True (a site that is live)",
        "SECRET_KEY: replaced (made for this environment)",
        "ALLOWED_HOSTS: ['example.org', 'www.example.org'] instead of Django's default (hosts of the stack file)",
    ]
    assert "DATABASES: set (database of the stack)" in lines
    assert not [line for line in lines if "made'" in line or "p:w" in line]
    unchanged = module.apply(user=applied(module, user), environ=ENVIRONMENT)[1]
    assert unchanged == []


def test_conventional_names_are_exported_before_the_project_is_imported(module: ModuleType) -> None:
    environment = importlib.import_module("slipway_environment")
    environ = dict(ENVIRONMENT)
    environment.prepare(environ)
    assert (environ["DEBUG"], environ["DJANGO_DEBUG"], environ["DJANGO_SECRET_KEY"]) == ("0", "0", "made")
    assert environ["ALLOWED_HOSTS"] == environ["DJANGO_ALLOWED_HOSTS"] == "example.org,www.example.org"
    given = {**ENVIRONMENT, "ALLOWED_HOSTS": "theirs"}
    environment.prepare(given)
    assert given["ALLOWED_HOSTS"] == given["DJANGO_ALLOWED_HOSTS"] == "theirs"


def test_a_file_that_is_copied_is_written_as_its_copy_needs_it(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "sqlite:////var/lib/shop/database/db.sqlite3"
    monkeypatch.setattr(module, "django_version", lambda: (5, 2))
    found = applied(module, {"DATABASES": {"second": {"ENGINE": "x"}}}, DATABASE_URL=url)["DATABASES"]
    assert found["default"] == {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "/var/lib/shop/database/db.sqlite3",
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;",
        },
    }
    assert found["second"] == {"ENGINE": "x"}
    monkeypatch.setattr(module, "django_version", lambda: (4, 2))
    assert applied(module, {}, DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"] == {"timeout": 5}


CACHE = "unix:///run/shop-cache/valkey.sock"
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
OWN = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://far"}


@pytest.fixture
def speaking(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A project that has redis-py, under a Django that knows what to do with it."""
    monkeypatch.setattr(module, "has", lambda package: package == "redis")
    monkeypatch.setattr(module, "django_version", lambda: (5, 2))
    return module


@pytest.mark.parametrize("theirs", [{}, {"CACHES": {}}, {"CACHES": {"default": LOCMEM, "other": OWN}}])
def test_the_cache_of_the_stack_is_djangos_where_the_project_has_none(
    speaking: ModuleType, theirs: dict[str, Any]
) -> None:
    found = applied(speaking, theirs, SLIPWAY_VALKEY=CACHE)["CACHES"]
    assert found["default"] == {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE}
    assert found.get("other") == theirs.get("CACHES", {}).get("other")


def test_a_cache_of_the_projects_own_stays(speaking: ModuleType) -> None:
    assert applied(speaking, {"CACHES": {"default": OWN}}, SLIPWAY_VALKEY=CACHE)["CACHES"] == {"default": OWN}
    assert "CACHES" not in applied(speaking, {}, SLIPWAY_VALKEY=CACHE, SLIPWAY_KEEP="CACHES")
    assert "CACHES" not in applied(speaking, {})


def test_a_project_that_cannot_speak_to_it_keeps_what_it_has(
    speaking: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "django_version", lambda: (3, 2))
    assert "CACHES" not in applied(speaking, {}, SLIPWAY_VALKEY=CACHE)
    monkeypatch.setattr(speaking, "django_version", lambda: (5, 2))
    monkeypatch.setattr(speaking, "has", lambda _: False)
    assert "CACHES" not in applied(speaking, {}, SLIPWAY_VALKEY=CACHE)


EVERYTHING = {
    "DATABASE_URL": URL,
    "SLIPWAY_MEDIA": '{"mode": "disk"}',
    "SLIPWAY_STATIC": "/srv/shop/static",
    "EMAIL_HOST": "smtp.example.org",
    "EMAIL_HOST_USER": "u",
    "EMAIL_HOST_PASSWORD": "p",
    "DEFAULT_FROM_EMAIL": "a@b",
    "SERVER_EMAIL": "c@d",
}
OVERRIDDEN = [
    "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS",
    "SECURE_PROXY_SSL_HEADER", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "DATABASES",
    "INSTALLED_APPS", "MEDIA_ROOT", "MEDIA_URL", "STATIC_ROOT",
    "STATIC_URL", "STORAGES", "LOGGING", "EMAIL_TIMEOUT",
    "EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "DEFAULT_FROM_EMAIL",
    "SERVER_EMAIL", "EMAIL_PORT", "EMAIL_USE_SSL", "EMAIL_USE_TLS",
]  # fmt: skip


def test_nothing_is_laid_over_that_the_list_does_not_know(module: ModuleType) -> None:
    changes = module.apply(user={"DEBUG": True}, environ={**ENVIRONMENT, **EVERYTHING})[1]
    assert [change.name for change in changes] == OVERRIDDEN


@pytest.mark.parametrize("name", OVERRIDDEN)
@pytest.mark.parametrize(
    "user", [{}, {name: "the project's own" for name in ("ALLOWED_HOSTS", "MEDIA_URL", "EMAIL_HOST")}]
)
def test_every_one_of_them_can_be_kept(module: ModuleType, name: str, user: dict[str, Any]) -> None:
    user = {"CSRF_TRUSTED_ORIGINS": ["https://x"], **user}
    found, changes = module.apply(user=user, environ={**ENVIRONMENT, **EVERYTHING, "SLIPWAY_KEEP": name})
    assert found.get(name) == user.get(name)
    assert name not in [change.name for change in changes]


def test_a_change_tells_its_kind_and_no_value(module: ModuleType) -> None:
    changes = module.apply(user={"DEBUG": True}, environ={**ENVIRONMENT, **EVERYTHING})[1]
    kinds = {change.name: change.kind for change in changes}
    assert {name for name, kind in kinds.items() if kind == "secret"} == {
        "SECRET_KEY", "DATABASES", "STORAGES", "EMAIL_HOST_PASSWORD",
    }  # fmt: skip
    assert (kinds["DEBUG"], kinds["EMAIL_PORT"], kinds["LOGGING"]) == ("true or false", "number", "table")


@pytest.mark.parametrize(("interface", "age"), [("wsgi", 60), ("asgi", 0), ("", 60)])
def test_under_asgi_no_connection_stays_with_a_thread_that_ends(module: ModuleType, interface: str, age: int) -> None:
    found = applied(module, {}, DATABASE_URL=URL, SLIPWAY_INTERFACE=interface)
    assert found["DATABASES"]["default"]["CONN_MAX_AGE"] == age


def test_settings_of_the_projects_own_hear_where_files_lie(overlay: Path) -> None:
    environment = importlib.import_module("slipway_environment")
    media = json.dumps({"mode": "private", "bucket": BUCKET})
    given = {**ENVIRONMENT, "DJANGO_SETTINGS_MODULE": "shop.settings", "SLIPWAY_MEDIA": media, "SLIPWAY_STATIC": "/s"}
    environ = dict(given)
    environment.prepare(environ)
    assert (environ["STATIC_ROOT"], environ["AWS_STORAGE_BUCKET_NAME"], environ["AWS_S3_ACCESS_KEY_ID"]) == (
        "/s", "media", "A",
    )  # fmt: skip
    theirs = {**given, "AWS_ACCESS_KEY_ID": "theirs"}
    environment.prepare(theirs)
    assert "AWS_STORAGE_BUCKET_NAME" not in theirs, "half of each would open neither bucket"
    laid_over = {**given, "DJANGO_SETTINGS_MODULE": "slipway_settings"}
    environment.prepare(laid_over)
    assert "AWS_STORAGE_BUCKET_NAME" not in laid_over
    on_disk = {**given, "SLIPWAY_MEDIA": '{"mode": "disk"}'}
    environment.prepare(on_disk)
    assert on_disk["MEDIA_ROOT"] == "/var/lib/shop/media"
