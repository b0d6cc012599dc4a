"""From facts to lines: each with its place first and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from release.build.dependencies import Dependencies
from release.build.indexes import Index
from release.cli.check import findings
from release.cli.check.report import Report

FACTS: dict[str, Any] = {
    "DATABASES": {"default": "django.db.backends.postgresql"},
    "CACHES": {},
    "STORAGES": "",
    "LOGGING": {},
    "EMAIL_HOST": "smtp.example",
}
FOUND: dict[str, Any] = {"laid": [], "pending": {}, "deploy": [], "uploads": [], "facts": FACTS}


def told(level: str, *, places: dict[str, str] | None = None, **changed: Any) -> list[str]:
    """The lines of one level that these facts give."""
    report = Report("shop")
    top = {name: value for name, value in changed.items() if name in FOUND}
    facts = {**FACTS, **{name: value for name, value in changed.items() if name not in FOUND}}
    findings.report(report, {**FOUND, "facts": facts, **top}, places=places or {}, settings="shop.settings")
    return [f"{line.where}: {line.text}" for line in report.lines if line.level == level]


def test_a_project_without_surprises() -> None:
    assert told("note") == told("refuse") == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"DATABASES": {"default": "django.db.backends.sqlite3"}}, "SQLite: the servers get a managed Postgres"),
        ({"DATABASES": {"default": "django.db.backends.mysql"}}, "mysql: a managed Postgres is laid over; to keep"),
        ({"DATABASES": {"default": "x.postgis", "old": "x.oracle"}}, "old: stays as it is, the stack makes one"),
        ({"ALLOWED_HOSTS": ["shop.example"]}, "ALLOWED_HOSTS names shop.example: replaced by the stack's hosts"),
        ({"CACHES": {"default": ["x.FileBasedCache", "tmp/cache"]}}, "default: FileBasedCache in tmp/cache: the rel"),
        ({"CACHES": {"default": ["x.RedisCache", ""]}}, "default: RedisCache: cache: valkey makes one and gives it"),
        ({"CACHES": {"default": ["x.PyMemcacheCache", ""]}}, "default: PyMemcacheCache: no such server is made, name"),
        ({"CACHES": {"default": ["x.DatabaseCache", ""]}}, "default: DatabaseCache: run createcachetable once"),
        ({"EMAIL_HOST": ""}, "no mail server is named: set EMAIL_HOST"),
        ({"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}, "EmailBackend of anymail: stays as it is"),
        ({"uploads": ["shop.Picture"], "STORAGES": "storages.S3"}, "storages.S3: replaced by the stack's bucket"),
        ({"deploy": [["security.W004", "No HSTS. Read about it."]]}, "No HSTS"),
        ({"pending": {"shop": ["Add field", "Alter field"]}}, "a model change has no migration (Add field and 1 more)"),
    ],
)
def test_what_is_worth_knowing(changed: dict[str, Any], text: str) -> None:
    (note,) = told("note", **changed)
    assert note.partition(": ")[2].startswith(text)


def test_a_log_file_in_the_project_would_be_refused() -> None:
    assert told("refuse", LOGGING={"file": "debug.log"}, places={"LOGGING": "shop/settings.py:9"}) == [
        "shop/settings.py:9: LOGGING handler file should not write into the project (got debug.log), the release is "
        "read-only: drop it, stderr is in slipway logs"
    ]


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_which_application_is_served_and_why(interface: str) -> None:
    report = Report("shop")
    found = {"wsgi": "shop.wsgi", "asgi": "shop.asgi", "interface": interface, "why": "it says so", "entry": ""}
    findings.entry_points(report, found, settings="shop.settings")
    served, *others = report.lines
    assert (served.where, served.text) == (
        f"shop.{interface}",
        f"{interface.upper()}, served by gunicorn behind Caddy: it says so",
    )
    assert [line.where for line in others] == (["shop.asgi"] if interface == "wsgi" else [])


def test_celery_of_the_projects_own_needs_a_broker() -> None:
    report = Report("shop")
    findings.packages(report, {"celery": "5.6", "huey": "2"}, stated="celery==5.6", file="requirements.txt")
    (line,) = report.lines
    assert line.text.startswith("celery 5.6: needs a broker: cache: valkey, or one of yours")
    assert line.text.endswith("a worker under workers (celery -A PACKAGE worker)")


def test_where_packages_come_from() -> None:
    commit, report = "c" * 40, Report("shop")
    text = f"./lib\n../shared ; os_name == 'posix'\nx @ git+ssh://git@code.example/x.git@{commit}\ny==1\n"
    named = (Index("https://a:b@index.example/simple"), Index("https://c.example", name="private"))
    indexes = (*named, Index("https://usual.example", default=True))
    found = Dependencies(text, directory=Path(), source="poetry.lock", notes=(), indexes=indexes)
    findings.sources(report, found)
    assert [f"{line.where}: {line.text}" for line in report.lines] == [
        "./lib: a package in files: built, and part of the release",
        "../shared: a package in files: built, and part of the release",
        f"poetry.lock: x: from git, commit {commit[:12]}",
        "poetry.lock: the index https://index.example/simple is asked too, with this computer's credentials",
        "poetry.lock: the index private is asked too, with this computer's credentials",
    ]


@pytest.mark.parametrize(("size", "text"), [(12, "12 bytes"), (1200, "1 kB"), (3_250_000, "3.2 MB"), (4e9, "4.0 GB")])
def test_sizes(size: float, text: str) -> None:
    assert findings.bytes_of(size) == text
