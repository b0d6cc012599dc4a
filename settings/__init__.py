"""What an environment is asked to be: read once from the stack's configuration, checked, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast, get_args

import pulumi

from settings import forms
from settings.as_written import check_file
from settings.rotations import Rotations, rotations
from settings.site import Media, Site, site_settings
from settings.stack_file import SECRET, STORAGE, Asked, SettingsError, complaint, decode

__all__ = ["DISK", "Media", "Rotations", "Settings", "SettingsError", "Site"]

CloudName = Literal["digitalocean", "hetzner"]
# The program's pair of keys, then its servers'.
Keys = tuple[pulumi.Input[str], pulumi.Input[str], pulumi.Input[str], pulumi.Input[str]]
Dns = Literal["managed", "external", "address"]
DatabaseKind = Literal["managed", "local"]
DISK = 20  # GB


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
    """The environment's database; `generation` and `disk` are of one that is kept on a server of its own."""

    kind: DatabaseKind
    size: str
    standby: bool
    generation: int
    disk: int
    extensions: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What runs: a project to build, or a pin that wins over it."""

    project: str | None
    artifact: str | None
    promoted_from: str | None
    pin_reason: str | None
    build: tuple[str, ...]
    test: str | None


@dataclass(frozen=True)
class Settings:
    """One environment as its stack file asks for it."""

    environment: str
    cloud: CloudName
    region: str
    network: str | None
    storage: Keys | None
    protect: bool
    accept_data_loss: tuple[str, ...]
    accept_migration: tuple[str, ...]
    rotations: Rotations
    naming: Naming
    servers: Servers
    database: Postgres | None
    notify: pulumi.Input[str] | None  # a webhook, or a command
    sqlite: bool  # a file on the server, copied to a bucket as it is written
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
            region=asked.text("region", forms.REGION, example="fra1"),
            network=asked.optional("network", forms.NETWORK_ID),
            storage=_storage(asked),
            protect=asked.flag("protect"),
            accept_data_loss=asked.texts("accept-data-loss", forms.LOSING),
            accept_migration=asked.texts("accept-migration", forms.MIGRATION),
            rotations=rotations(asked),
            naming=_naming(asked),
            servers=_servers(asked),
            database=_database(asked),
            notify=asked.given.get("notify"),
            sqlite=asked.given.get("database") == "sqlite",
            source=_source(asked, stack),
            site=site_settings(asked, project),
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
        mapping = {key: decode(key, value) for key, value in given.items()}
        check_file(stack, project, mapping)
        if isinstance(mapping.get("secrets"), dict):
            mapping["secrets"] = _secret_values(mapping["secrets"])
        for key in SECRET.intersection(mapping):
            mapping[key] = pulumi.Config().require_secret(key) if mapping[key] else ""
        return cls.parse(stack, mapping, project=project)

    def fail(self, key: str, text: str) -> NoReturn:
        """End the program over a setting that only later turns out to be wrong."""
        raise complaint(self.environment, key, text)


def _storage(asked: Asked) -> Keys | None:
    given = [asked.given.get(key) for key in STORAGE]
    if not any(given):
        return None
    for key, value in zip(STORAGE, given, strict=True):
        if value is None:
            asked.fail(key, f"goes with the other storage keys, set it with pulumi config set --secret {key}")
    return cast(Keys, tuple(given))


def _naming(asked: Asked) -> Naming:
    domain = asked.optional("domain", forms.DOMAIN)
    hosts = asked.texts("hosts", forms.HOST)
    dns = asked.choice("dns", ("managed", "external"), default="managed")
    if len(set(hosts)) < len(hosts):
        asked.fail("hosts", f"should name each host once (got {', '.join(hosts)})")
    if not domain and not hosts:
        return Naming(domain=None, hosts=(), dns="address")
    if dns == "managed":
        _check_zone(asked, domain, hosts)
    return Naming(domain=domain, hosts=hosts or (str(domain),), dns=cast(Dns, dns))


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
        size=asked.optional("server-size", forms.SIZE) or "small",
        generation=asked.number("server-generation", default=1),
        ssh_from=asked.texts("ssh-from", forms.NETWORK) or ("0.0.0.0/0", "::/0"),
    )


def _database(asked: Asked) -> Postgres | None:
    kind = asked.choice("database", (*get_args(DatabaseKind), "sqlite", "none"), default="managed")
    extensions = asked.texts("extensions", forms.EXTENSION)
    size, standby = asked.optional("database-size", forms.SIZE), asked.flag("database-standby")
    generation, disk = (
        asked.number("database-generation", default=1),
        asked.number("database-disk", default=DISK, least=10),
    )
    if kind != "managed":
        _refuse_managed_only(asked, kind)
    if kind in ("sqlite", "none"):
        return None
    return Postgres(
        kind=cast(DatabaseKind, kind),
        size=size or "small",
        standby=standby,
        generation=generation,
        disk=disk,
        extensions=extensions,
    )


def _refuse_managed_only(asked: Asked, kind: str) -> None:
    without = ("database-size", "database-standby", "database-generation", "database-disk")
    for key in (*without, *(("extensions",) if kind != "local" else ())):
        # the engine hands over Pulumi.yaml's defaults as if somebody had written them
        if asked.given.get(key) not in (None, False, "small", 1 if key == "database-generation" else DISK):
            asked.fail(key, f"has no meaning with database: {kind}, leave one of the two out")


def _source(asked: Asked, stack: str) -> Source:
    artifact = asked.optional("artifact", forms.ARTIFACT)
    project = asked.optional("project", forms.PROJECT)
    promoted = asked.optional("promoted-from", forms.STACK)
    if promoted == stack:
        asked.fail("promoted-from", f"should be another stack than this one (got {promoted!r})")
    if promoted and not artifact:
        asked.fail("promoted-from", f"goes with artifact, run slipway promote {promoted} {stack}")
    reason = asked.optional("pin-reason", forms.REASON)
    if reason and not artifact:
        asked.fail("pin-reason", "goes with artifact, remove it")
    if not artifact and not project:
        asked.fail(
            "project",
            "is required without artifact, set it with pulumi config set project <directory> "
            f"or take what another stack has proven with slipway promote <stack> {stack}",
        )
    return Source(
        project=project,
        artifact=artifact,
        promoted_from=promoted,
        pin_reason=reason,
        build=asked.texts("build", forms.SHELL),
        test=asked.optional("test", forms.SHELL),
    )


def _secret_values(names: Mapping[str, Any]) -> dict[str, Any]:
    values = pulumi.Config().require_secret_object("secrets")
    pick: Callable[[str], Callable[[Any], str]] = lambda name: lambda found: str(found[name])  # noqa: E731
    # what is no text stays as it is, and is refused
    return {
        name: values.apply(pick(name)) if isinstance(value, str | int | float) else value
        for name, value in names.items()
    }
