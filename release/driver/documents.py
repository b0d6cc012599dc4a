"""The documents the driver reads on stdin, checked once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from release.bucket import Bucket
from release.driver.archive import Archive
from release.driver.failure import Failure
from release.driver.release_id import configuration, release_id
from release.ssh import Server

__all__ = ["Arriving", "Limits", "Wanted", "reading"]


@dataclass(frozen=True)
class Limits:
    """Seconds a server's agent and the driver give each other."""

    gate: float = 60
    commit: float = 60
    drain: float = 30
    connect: float = 60

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Limits:
        """Read the document's `limits`; names it does not know are the agent's own."""
        return cls(**{name: float(given[name]) for name in cls.__dataclass_fields__ if name in given})


@dataclass(frozen=True)
class Wanted:
    """The release an environment is asked to run, and where."""

    artifact: str
    release: str
    site: str
    hosts: tuple[str, ...]
    servers: tuple[Server, ...]
    address: str  # what visitors dial, wherever it points now
    login_key: str = field(repr=False)
    limits: Limits
    bucket: Bucket
    archive: Archive  # where this environment's certificates are kept
    source: Bucket | None  # of the environment it was promoted from
    maintenance: bool  # whether visitors may wait while it migrates
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, artifact: str, document: Mapping[str, Any], *, maintenance: bool = False) -> Wanted:
        """Read the document of the verb `release`; a maintenance window is of this one run, and no part of it."""
        with reading("release"):
            return cls(
                artifact=_artifact_id(artifact),
                release=release_id(artifact, document),
                site=str(document["site"]),
                hosts=_hosts(document),
                servers=_servers(document),
                address=str(document["address"]),
                login_key=document["login_key"],
                limits=Limits.parse(document.get("limits", {})),
                bucket=Bucket.parse(document["bucket"]),
                archive=Archive.parse(document),
                source=Bucket.parse(document["source"]) if document["source"] else None,
                maintenance=maintenance,
                document=document,
            )

    @property
    def canonical(self) -> str:
        """The host that is not redirected."""
        return self.hosts[0]

    @property
    def drain(self) -> float:
        """Seconds workers may take to end what they have begun."""
        return float(self.document.get("drain") or 60)

    def for_agent(self, *, manifest: Mapping[str, Any], tools: Mapping[str, str], lead: bool) -> dict[str, Any]:
        """What one server's agent is told: no key of a release bucket, no login key, no other server."""
        way = {key: self.document[key] for key in ("limits", "protect", "accept_migration") if key in self.document}
        named = {"artifact": self.artifact, "release": self.release, "manifest": manifest, "lead": lead, "tools": tools}
        way["former_login"] = self.document.get("former_login")
        return {**configuration(self.document), **way, **named, "maintenance": self.maintenance}


@dataclass(frozen=True)
class Arriving:
    """A released environment whose address has been assigned."""

    address: str
    hosts: tuple[str, ...]
    servers: tuple[Server, ...]
    login_key: str = field(repr=False)
    archive: Archive
    dns: str
    limit: float
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, address: str, document: Mapping[str, Any]) -> Arriving:
        """Read the document of the verb `arrive`."""
        with reading("arrive"):
            return cls(
                address=address,
                hosts=tuple(document["hosts"]),
                servers=_servers(document),
                login_key=document["login_key"],
                archive=Archive.parse(document),
                dns=str(document["dns"]),
                limit=float(document.get("limit", 120)),
                document=document,
            )

    def for_agent(self) -> dict[str, Any]:
        """What one server's agent is told."""
        left_out = {"servers", "login_key", "bucket", "certificate_key"}
        return {**{key: value for key, value in self.document.items() if key not in left_out}, "address": self.address}


@contextmanager
def reading(verb: str) -> Iterator[None]:
    """Turn a missing or misshapen key of a document into a failure that names it."""
    way_out = "the program and the driver should come from one checkout"
    try:
        yield
    except KeyError as error:
        raise Failure(f"document on stdin: {error.args[0]}: is required, {way_out}") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise Failure(f"document on stdin: is not one of the verb {verb} ({error}), {way_out}") from error


def _artifact_id(given: str) -> str:
    """The id, checked for its shape."""
    if not re.fullmatch(r"sha256-[0-9a-f]{64}", given):
        raise Failure(f"artifact: should be sha256- and 64 hex digits (got {given!r}), see pulumi stack output")
    return given


def _hosts(document: Mapping[str, Any]) -> tuple[str, ...]:
    hosts = tuple(map(str, document["hosts"]))
    if not hosts:
        raise IndexError("hosts: is empty")
    return hosts


def _servers(document: Mapping[str, Any]) -> tuple[Server, ...]:
    servers = tuple(Server.parse(each) for each in document["servers"])
    if not servers:
        raise Failure("servers: should name one at least (got []), run pulumi up again")
    return servers
