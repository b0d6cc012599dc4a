"""What an environment is asked to be: read once from the stack's configuration, checked, frozen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import pulumi

from stack_file import Asked, SettingsError, check_file, decode

__all__ = ["Settings", "SettingsError"]

CloudName = Literal["digitalocean"]
Dns = Literal["managed", "external", "address"]
Media = Literal["private", "public", "disk"]
_HOST = r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+"
_NETWORK = r"([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?|[0-9a-f:]*:[0-9a-f:]*(/[0-9]{1,3})?"
_NAME = r"[a-z][a-z0-9-]{0,30}"
_RESERVED = {"DJANGO_SETTINGS_MODULE": "it is made from settings", "PYTHONPATH": "it is made from the artifact"}


@dataclass(frozen=True)
class Naming:
    """Under which names a site is found, and who keeps their records."""

    domain: str | None
    hosts: tuple[str, ...]
    dns: Dns


@dataclass(frozen=True)
class Servers:
    """How many machines, of which size, in which generation, and who may knock."""

    count: int
    size: str
    generation: int
    ssh_from: tuple[str, ...]


@dataclass(frozen=True)
class Postgres:
    """The environment's database."""

    size: str
    standby: bool
    extensions: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What runs: a project to build, or a pin that wins over it."""

    project: str | None
    artifact: str | None
    promoted_from: str | None


@dataclass(frozen=True)
class Site:
    """How the user's Django project is run."""

    name: str
    settings: str
    env: Mapping[str, str]
    secrets: Mapping[str, pulumi.Input[str]]
    workers: Mapping[str, str]
    schedule: Mapping[str, Mapping[str, str]]
    health: str | None
    media: Media
    max_upload: str
    packages: tuple[str, ...]
    keep: tuple[str, ...]
    writable: tuple[str, ...]
    processes: int | None
    threads: int


@dataclass(frozen=True)
class Settings:
    """One environment as its stack file asks for it."""

    environment: str
    cloud: CloudName
    region: str
    network: str | None
    protect: bool
    naming: Naming
    servers: Servers
    database: Postgres | None
    source: Source
    site: Site

    @classmethod
    def parse(cls, stack: str, mapping: Mapping[str, Any], *, project: str = "slipway") -> Settings:
        """Check `mapping` (setting -> value) and freeze it."""
        asked = Asked(stack, mapping)
        asked.refuse_unknown()
        return cls(
            environment=stack,
            cloud=cast(CloudName, asked.choice("cloud", get_args(CloudName), default="digitalocean")),
            region=asked.text("region", r"[a-z][a-z0-9-]+", "a region's slug such as fra1", example="fra1"),
            network=asked.optional("network", r"[0-9a-f-]{36}", "the id of a private network that exists"),
            protect=asked.flag("protect"),
            naming=_naming(asked),
            servers=_servers(asked),
            database=_database(asked),
            source=_source(asked, stack),
            site=_site(asked, project),
        )

    @classmethod
    def load(cls) -> Settings:
        """Read the engine's configuration, once, here and nowhere else."""
        stack, project = pulumi.get_stack(), pulumi.get_project()
        given = {
            key.removeprefix(f"{project}:"): value
            for key, value in pulumi.runtime.get_config_env().items()
            if key.startswith(f"{project}:")
        }
        check_file(stack, project)
        mapping = {key: decode(key, value) for key, value in given.items()}
        if isinstance(mapping.get("secrets"), dict):
            mapping["secrets"] = _secret_values(mapping["secrets"])
        return cls.parse(stack, mapping, project=project)


def _naming(asked: Asked) -> Naming:
    domain = asked.optional("domain", _HOST, "a name such as example.org")
    hosts = tuple(
        _host(asked, f"hosts[{at}]", host) for at, host in enumerate(asked.typed("hosts", list, "a list") or [])
    )
    dns = asked.choice("dns", ("managed", "external"), default="managed")
    if len(set(hosts)) < len(hosts):
        asked.fail("hosts", f"should name each host once (got {', '.join(hosts)})")
    if not domain and not hosts:
        return Naming(domain=None, hosts=(), dns="address")
    if dns == "managed":
        _check_zone(asked, domain, hosts)
    return Naming(domain=domain, hosts=hosts or (str(domain),), dns=cast(Dns, dns))


def _host(asked: Asked, where: str, host: object) -> str:
    if isinstance(host, str) and not host.isascii():
        asked.fail(where, f"should be in its ASCII form (got {host!r}), write {host.encode('idna').decode()}")
    return asked.matching(where, host, _HOST, "a host name such as www.example.org")


def _check_zone(asked: Asked, domain: str | None, hosts: Sequence[str]) -> None:
    if domain is None:
        asked.fail("domain", "is required with dns: managed, set it with pulumi config set domain <name>")
    for at, host in enumerate(hosts):
        if host != domain and not host.endswith(f".{domain}"):
            asked.fail(
                f"hosts[{at}]", f"should end in .{domain} with dns: managed (got {host!r}), or say dns: external"
            )


def _servers(asked: Asked) -> Servers:
    count = asked.number("servers", default=1)
    if count > 1:
        asked.fail("servers", f"should be 1 until there is a load balancer (got {count}), take a larger server-size")
    return Servers(
        count=count,
        size=_size(asked, "server-size"),
        generation=asked.number("server-generation", default=1),
        ssh_from=asked.texts("ssh-from", _NETWORK, "an address or network such as 203.0.113.0/24")
        or ("0.0.0.0/0", "::/0"),
    )


def _size(asked: Asked, key: str) -> str:
    return asked.optional(key, r"[a-z][a-z0-9-]+", "small, medium, large or the cloud's own slug") or "small"


def _database(asked: Asked) -> Postgres | None:
    kind = asked.choice("database", ("managed", "none"), default="managed")
    extensions = asked.texts("extensions", r"[a-z][a-z0-9_-]*", "the name of a Postgres extension")
    if kind == "none":
        for key in ("database-size", "database-standby", "extensions"):
            if asked.given.get(key):
                asked.fail(key, "has no meaning with database: none, leave one of the two out")
        return None
    return Postgres(_size(asked, "database-size"), standby=asked.flag("database-standby"), extensions=extensions)


def _source(asked: Asked, stack: str) -> Source:
    artifact = asked.optional("artifact", r"sha256-[0-9a-f]{64}", "an artifact's id, sha256- and 64 hex digits")
    project = asked.optional("project", r"[^\0]+", "a directory with manage.py")
    promoted = asked.optional("promoted-from", r"[A-Za-z0-9._-]+", "the name of a stack")
    if promoted and not artifact:
        asked.fail("promoted-from", f"goes with artifact, run slipway promote {promoted} {stack}")
    if not artifact and not project:
        asked.fail(
            "project",
            "is required without artifact, set it with pulumi config set project <directory> "
            f"or take what another stack has proven with slipway promote <stack> {stack}",
        )
    return Source(project=project, artifact=artifact, promoted_from=promoted)


def _site(asked: Asked, project: str) -> Site:
    env, secrets = _env(asked), _secrets(asked)
    for name in sorted(env.keys() & secrets.keys()):
        asked.fail(f"env.{name}", "is also in secrets, keep one of the two")
    module = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
    return Site(
        name=_site_name(asked, project),
        settings=asked.text("settings", module, "a Django settings module", example="mysite.settings"),
        env=env,
        secrets=secrets,
        workers={name: _command(asked, f"workers.{name}", line) for name, line in _named(asked, "workers").items()},
        schedule={name: _job(asked, f"schedule.{name}", job) for name, job in _named(asked, "schedule").items()},
        health=asked.optional("health", r"/[^\s#]*", "a path such as /health/"),
        media=cast(Media, asked.choice("media", get_args(Media), default="private")),
        max_upload=asked.optional("max-upload", r"[1-9][0-9]*(KB|MB|GB)", "a size such as 25MB") or "25MB",
        packages=asked.texts("packages", r"[a-z0-9][a-z0-9+.-]+", "the name of a Debian package"),
        keep=asked.texts("keep", r"[A-Z][A-Z0-9_]*", "the name of a Django setting"),
        writable=asked.texts("writable", r"/(?!.*\.\./)[^\s:]+", "an absolute path"),
        processes=asked.number("web-processes", default=0, least=0) or None,
        threads=asked.number("web-threads", default=4),
    )


def _site_name(asked: Asked, project: str) -> str:
    words = "a short name of letters, digits and dashes"
    name = asked.optional("site", r"[a-z][a-z0-9-]{0,20}", words) or project
    if re.fullmatch(r"[a-z][a-z0-9-]{0,20}", name):
        return name
    asked.fail(
        "site", f"should be {words} (got {name!r}, the Pulumi project's), set it with pulumi config set site <name>"
    )


def _env(asked: Asked) -> dict[str, str]:
    return {name: _value(asked, f"env.{name}", value) for name, value in _variables(asked, "env").items()}


def _secrets(asked: Asked) -> dict[str, pulumi.Input[str]]:
    return _variables(asked, "secrets")


def _variables(asked: Asked, key: str) -> dict[str, Any]:
    values = asked.table(key, r"[A-Za-z_][A-Za-z0-9_]*", "names of environment variables")
    for name in values:
        if name.startswith("SLIPWAY_") or name in _RESERVED:
            asked.fail(f"{key}.{name}", f"is slipway's own, {_RESERVED.get(name, 'choose another name')}")
    return values


def _value(asked: Asked, where: str, value: object) -> str:
    # `pulumi config set --path` stores 5 and true as a number and a truth value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    asked.fail(where, f"should be a text, put it in quotes (got {value!r})")


def _named(asked: Asked, key: str) -> dict[str, Any]:
    return asked.table(key, _NAME, "names of small letters, digits and dashes")


def _command(asked: Asked, where: str, line: object) -> str:
    if isinstance(line, str) and re.match(r"(python\S* )?(\./)?manage\.py\b", line):
        asked.fail(
            where,
            f"should be what stands behind manage.py (got {line!r}), write {line.split('manage.py', 1)[1].strip()}",
        )
    return asked.matching(where, line, r"[a-z_][^\n]*", "a line such as qcluster or process_tasks --queue mail")


def _job(asked: Asked, where: str, job: object) -> dict[str, str]:
    if not isinstance(job, dict) or set(job) != {"run", "at"}:
        asked.fail(where, f"should have run and at, and nothing else (got {job!r})")
    at = asked.matching(f"{where}.at", job["at"], r"[^\n]+", "a systemd calendar time such as *-*-* 03:00 or hourly")
    return {"run": _command(asked, f"{where}.run", job["run"]), "at": at}


def _secret_values(names: Mapping[str, Any]) -> dict[str, pulumi.Output[str]]:
    values = pulumi.Config().require_secret_object("secrets")
    pick: Callable[[str], Callable[[Any], str]] = lambda name: lambda found: str(found[name])  # noqa: E731
    return {name: values.apply(pick(name)) for name in names}
