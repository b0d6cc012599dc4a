"""How the user's Django project is run, as its stack file asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import pulumi

from settings import forms
from settings.stack_file import Asked, as_text

Media = Literal["private", "public", "disk"]
Interface = Literal["wsgi", "asgi"]
Cache = Literal["valkey"]
_RESERVED = {
    "DJANGO_SETTINGS_MODULE": "it is made from settings",
    "DJANGO_CONFIGURATION": "it is made from settings: name the class there, mysite.settings:Production",
    "PYTHONPATH": "it is made from the artifact",
}
# Users and groups of Debian and its packages, and slipway's own names.
TAKEN = {"adm", "audio", "backup", "bin", "caddy", "cdrom", "clock", "crontab", "daemon", "deploy", "dhcpcd", "dialout",
         "dip", "disk", "fax", "floppy", "games", "holding", "init", "input", "irc", "kmem", "kvm", "list", "lp",
         "machine", "mail", "man", "messagebus", "netdev", "news", "nobody", "nogroup", "operator", "plugdev",
         "polkitd", "postgres", "proxy", "render", "root", "run", "sasl", "sgx", "shadow", "slipway-agent", "src",
         "sshd", "ssl-cert", "staff", "sudo", "sync", "sys", "system", "systemd-journal", "systemd-network",
         "systemd-resolve", "tape", "tcpdump", "tty", "user", "users", "utmp", "uucp", "video", "voice",
         "www-data"}  # fmt: skip
_SECRET_NAME = re.compile(r"(.*_)?(PASSWORD|PASSWD|SECRET|SECRET_KEY|TOKEN|API_KEY|APIKEY|PRIVATE_KEY|ACCESS_KEY)")
_SECRET_VALUE = re.compile(r"\w+://[^/\s:@]*:[^/\s@]+@.*|-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL)


@dataclass(frozen=True)
class Site:
    """How the user's Django project is run."""

    name: str
    settings: str
    env: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]]
    workers: Mapping[str, str]
    schedule: Mapping[str, Mapping[str, str]]
    before_release: tuple[str, ...]
    drain: int  # seconds
    interface: Interface | None
    overlay: bool
    cache: Cache | None
    staging_password: pulumi.Input[str] | None
    health: str | None
    media: Media
    max_upload: str
    packages: tuple[str, ...]
    keep: tuple[str, ...]
    writable: tuple[str, ...]
    processes: int | None
    threads: int


def site_settings(asked: Asked, project: str) -> Site:
    """Read everything about the site itself."""
    env, secrets = _env(asked), _secrets(asked)
    for name in sorted(env.keys() & secrets.keys()):
        asked.fail(f"env.{name}", "is also in secrets, keep one of the two")
    return Site(
        name=_name(asked, project),
        settings=asked.text("settings", forms.MODULE, example="mysite.settings"),
        env=env,
        secrets=secrets,
        workers={name: _program(asked, f"workers.{name}", line) for name, line in _named(asked, "workers").items()},
        schedule={name: _job(asked, f"schedule.{name}", job) for name, job in _named(asked, "schedule").items()},
        before_release=tuple(
            _command(asked, f"before-release[{at}]", line)
            for at, line in enumerate(asked.texts("before-release", forms.COMMAND))
        ),
        drain=asked.number("drain", default=60, least=1),
        interface=cast(Interface | None, asked.perhaps("interface", get_args(Interface))),
        overlay=asked.flag("overlay", default=True),
        cache=cast(Cache | None, asked.perhaps("cache", get_args(Cache))),
        staging_password=asked.given.get("staging-password"),
        health=asked.optional("health", forms.PATH),
        media=cast(Media, asked.choice("media", get_args(Media), default="private")),
        max_upload=asked.optional("max-upload", forms.UPLOAD) or "25MB",
        packages=asked.texts("packages", forms.PACKAGE),
        keep=asked.texts("keep", forms.SETTING),
        writable=asked.texts("writable", forms.PLACE),
        processes=asked.number("web-processes", default=0, least=0) or None,
        threads=asked.number("web-threads", default=4),
    )


def _name(asked: Asked, project: str) -> str:
    name = asked.optional("site", forms.SITE) or project
    if not forms.SITE.fits(name):
        rule = f"should be {forms.SITE.words} (got {name!r}, the Pulumi project's)"
        asked.fail("site", f"{rule}, set it with pulumi config set site <name>")
    if name in TAKEN:
        asked.fail(
            "site",
            f"should be a name that no system user has (got {name!r}), set another with pulumi config set site <name>",
        )
    return name


def _env(asked: Asked) -> dict[str, str]:
    return {name: _plain(asked, name, value) for name, value in _variables(asked, "env").items()}


def _secrets(asked: Asked) -> dict[str, pulumi.Input[str]]:
    values = _variables(asked, "secrets")
    for name, value in values.items():
        if value is None or isinstance(value, dict | list):
            way_out = f"run pulumi config set --secret --path secrets.{name}"
            asked.fail(f"secrets.{name}", f"should be one text (got {_kind(value)}), {way_out}")
    return values


def _variables(asked: Asked, key: str) -> dict[str, Any]:
    values = asked.table(key, forms.VARIABLE)
    for name in values:
        if name.startswith("SLIPWAY_") or name in _RESERVED:
            asked.fail(f"{key}.{name}", f"is slipway's own, {_RESERVED.get(name, 'choose another name')}")
    return values


def _plain(asked: Asked, name: str, value: object) -> str:
    where = f"env.{name}"
    if value is None or isinstance(value, dict | list):
        asked.fail(where, f"should be one text (got {_kind(value)}), write it as the site reads it, in quotes")
    if isinstance(value, float):
        asked.fail(where, f"should be a text (got the number {value}), put it in quotes")
    text = as_text(value)
    if text and (_SECRET_NAME.fullmatch(name) or _SECRET_VALUE.fullmatch(text)):
        way_out = f"run pulumi config set --secret --path secrets.{name} and take it out here"
        asked.fail(where, f"should not be in plain text (got what looks like a secret), {way_out}")
    return text


def _kind(value: object) -> str:
    """What a value is; it may be a secret, so not the value itself."""
    return "nothing" if value is None else "a list" if isinstance(value, list) else "names with values"


def _named(asked: Asked, key: str) -> dict[str, Any]:
    return asked.table(key, forms.NAME)


def _program(asked: Asked, where: str, line: object) -> str:
    """What a unit runs: a command of manage.py, or Celery's own program."""
    if isinstance(line, str) and (found := re.match(r"(?:\S*python\S* (?:-m )?|\S*/)(?=celery )", line)):
        asked.fail(where, f"should be Celery's own line (got {line!r}), write {line[found.end() :]}")
    if isinstance(line, str) and line.startswith("celery "):
        return asked.matching(where, line, forms.COMMAND)
    return _command(asked, where, line)


def _command(asked: Asked, where: str, line: object) -> str:
    if isinstance(line, str) and (
        found := re.match(r"(?:\S*python\S* )?(?:\S*/)?(?:manage\.py|django-admin)(?: +|$)", line)
    ):
        rule = f"should be what stands behind manage.py (got {line!r})"
        asked.fail(where, f"{rule}, write {line[found.end() :] or 'a command'}")
    if isinstance(line, str) and (found := re.match(r"(python\S*|gunicorn|celery|sh|bash|npm|node) ", line)):
        rule = f"should be a command of manage.py, without manage.py (got {line!r})"
        asked.fail(where, f"{rule}, write a management command that does what {found[1]} does here")
    return asked.matching(where, line, forms.COMMAND)


def _job(asked: Asked, where: str, job: object) -> dict[str, str]:
    if not isinstance(job, dict) or set(job) != {"run", "at"}:
        asked.fail(where, f"should have run and at, and nothing else (got {job!r}), write {{run: tally, at: hourly}}")
    at = asked.matching(f"{where}.at", job["at"], forms.TIME)
    return {"run": _program(asked, f"{where}.run", job["run"]), "at": at}
