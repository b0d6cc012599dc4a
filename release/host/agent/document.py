"""What the driver asks for, read once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .failure import Failure

__all__ = ["Database", "Document", "Limits"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
SITE = re.compile(r"[a-z][a-z0-9-]{0,20}")
RELEASE = re.compile(r"[0-9a-f]{12}-[0-9a-f]{8}")
DIGEST = re.compile(r"[0-9a-f]{64}")
LAYERS = ("dependencies", "code", "static")  # that every artifact has
HOST = re.compile(r"[a-z0-9*]([a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    gate: float = 60
    commit: float = 60
    drain: float = 30


@dataclass(frozen=True)
class Database:
    """The database of the site and its administrator."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    admin_user: str
    admin_password: str = field(repr=False)
    ca: str = field(repr=False)
    extensions: tuple[str, ...] = ()
    owner: str = ""  # a role without a login, whose the tables are where logins come and go

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Database:
        """Read what a document says of it; a KeyError names what it lacks."""
        needed = {key: raw[key] for key in cls.__annotations__ if key not in ("extensions", "owner")}
        more = {"extensions": tuple(raw.get("extensions") or ()), "owner": str(raw.get("owner") or "")}
        return cls(**{**needed, **more, "port": int(raw["port"])})


@dataclass(frozen=True)
class Document:
    """One wanted release."""

    site: str
    environment: str
    release: str
    artifact: str
    manifest: Mapping[str, Any]
    settings: str
    hosts: tuple[str, ...]
    lead: bool
    database: Database | None  # a Postgres
    limits: Limits
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Document:
        """Read the document; what would become a path or a unit name is held to its shape."""
        try:
            manifest = raw["manifest"]
            layers = manifest["layers"]
            for where, value, shape in (
                ("site", raw["site"], SITE),
                ("release", raw["release"], RELEASE),
                *((f"manifest: layers: {name}", layers[name], DIGEST) for name in {*LAYERS, *layers}),
                *((f"tools: {name}", digest, DIGEST) for name, digest in (raw.get("tools") or {}).items()),
                *(("hosts", host, HOST) for host in raw["hosts"]),
                *(("workers", name, NAME) for name in raw.get("workers") or {}),
                *(("schedule", name, NAME) for name in raw.get("schedule") or {}),
            ):
                _held(where, value, shape)
            _refuse_edited(manifest, artifact=raw["artifact"])
            _alike(raw, manifest)
            return cls(
                site=raw["site"],
                environment=raw["environment"],
                release=raw["release"],
                artifact=raw["artifact"],
                manifest=manifest,
                settings=raw["settings"],
                hosts=tuple(raw["hosts"]),
                lead=bool(raw.get("lead", True)),
                database=_database(raw.get("database")),
                limits=Limits(**{k: float(v) for k, v in raw.get("limits", {}).items() if k in Limits.__annotations__}),
                raw=raw,
            )
        except KeyError as missing:
            raise Failure(f"document: {missing.args[0]}: is required, the driver and the agent differ") from None

    @property
    def layers(self) -> dict[str, str]:
        """Name to digest of the uncompressed tar."""
        return dict(self.manifest["layers"])

    @property
    def sizes(self) -> dict[str, int]:
        """Digest to bytes of the uncompressed tar, of those whose size the manifest tells."""
        sizes = self.manifest.get("sizes") or {}
        return {digest: int(sizes[name]) for name, digest in self.layers.items() if name in sizes}

    @property
    def canonical(self) -> str:
        """The host that is not redirected."""
        return self.hosts[0]

    @property
    def interface(self) -> str:
        """wsgi or asgi: as the stack file says, else as the build found the project."""
        return str(self.raw.get("interface") or self.manifest.get("interface") or "wsgi")

    @property
    def overlay(self) -> bool:
        """Whether the project's settings are adapted."""
        return bool(self.raw.get("overlay", True))

    @property
    def workers(self) -> dict[str, str]:
        return dict(self.raw.get("workers") or {})

    @property
    def before_release(self) -> list[str]:
        """Lines of manage.py words."""
        return list(self.raw.get("before_release") or [])

    @property
    def schedule(self) -> dict[str, dict[str, str]]:
        return dict(self.raw.get("schedule") or {})

    @property
    def packages(self) -> list[str]:
        return list(self.raw.get("packages") or [])

    @property
    def writable(self) -> list[str]:
        return list(self.raw.get("writable") or [])

    @property
    def media(self) -> dict[str, Any]:
        return dict(self.raw.get("media") or {"mode": "disk"})

    @property
    def former_login(self) -> tuple[str, str] | None:
        """User and password of the login before, while it still opens the database."""
        given = self.raw.get("former_login")
        return (str(given["user"]), str(given["password"])) if given else None

    @property
    def sqlite(self) -> dict[str, Any] | None:
        """Where the copy of a database file is kept, for a site that has one."""
        given = self.raw.get("database") or {}
        return dict(given) if given.get("kind") == "sqlite" else None

    @property
    def tools(self) -> dict[str, str]:
        """What this machine needs beside the artifact: name to digest of a layer."""
        return dict(self.raw.get("tools") or {})

    @property
    def drain(self) -> int:
        """Seconds a worker has to end what it has begun."""
        return int(self.raw.get("drain") or 60)

    @property
    def cache(self) -> bool:
        return bool(self.raw.get("cache"))

    @property
    def staging_password(self) -> str:
        return str(self.raw.get("staging_password") or "")

    @property
    def protect(self) -> bool:
        """Whether this environment's data and visitors are to be guarded."""
        return bool(self.raw.get("protect"))

    @property
    def maintenance(self) -> bool:
        """Whether visitors may be told to come back while migrations run."""
        return bool(self.raw.get("maintenance"))

    @property
    def accept_migration(self) -> list[str]:
        """Migrations that may break the release that serves."""
        return list(self.raw.get("accept_migration") or [])

    @property
    def health(self) -> str:
        return str(self.raw.get("health") or "")

    @property
    def max_upload(self) -> str:
        return str(self.raw.get("max_upload") or "25MB")


def _held(where: str, value: Any, shape: re.Pattern[str]) -> None:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise Failure(f"document: {where}: should look like {shape.pattern} (got {value!r})")


def _refuse_edited(manifest: Mapping[str, Any], *, artifact: str) -> None:
    """An artifact is named by its manifest, in JSON's one spelling."""
    spelt = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = f"sha256-{hashlib.sha256(spelt.encode(errors='surrogateescape')).hexdigest()}"
    if found != artifact:
        raise Failure(f"manifest: should be that of {artifact} (got that of {found}), run pulumi up again")


def _alike(raw: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """Static files are collected with the settings a site runs with; an artifact is good for one of the two ways."""
    asked, built = bool(raw.get("overlay", True)), bool(manifest.get("overlay", True))
    if asked != built:
        rule = f"should be what the artifact was built with, {str(built).lower()}"
        raise Failure(
            f"overlay: {rule} (got {str(asked).lower()}), set it in this stack file as in the one that built it"
        )


def _database(raw: Mapping[str, Any] | None) -> Database | None:
    return None if not raw or raw.get("kind") == "sqlite" else Database.parse(raw)
