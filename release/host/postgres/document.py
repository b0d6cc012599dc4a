"""What the driver asks for, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from ..agent.document import SITE
from ..agent.failure import Failure

__all__ = ["Backup", "Document", "Login"]

NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
EXTENSION = re.compile(r"[a-z_][a-z0-9_-]{0,40}")
DEVICE = re.compile(r"/dev/[\w./:+-]+")
WAY_OUT = "the program and this tool should come from one checkout"


@dataclass(frozen=True)
class Login:
    """A role and its password."""

    role: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Backup:
    """Where backups go, and the cipher that only this environment knows."""

    bucket: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    cipher: str = field(repr=False)


@dataclass(frozen=True)
class Document:
    """A Postgres as the stack wants it."""

    site: str
    address: str  # where the environment's servers reach it, and what its certificate is made out to
    device: str  # of the disk; empty where the data lies on the machine's own
    database: str
    user: Login
    admin: Login
    authority: str = field(repr=False)
    certificate: str = field(repr=False)
    private_key: str = field(repr=False)
    backup: Backup
    former: Login | None = None  # the login before, while it still opens the database
    owner: str = ""  # a role without a login, whose the tables are where logins come and go
    extensions: tuple[str, ...] = ()
    notify: str = field(default="", repr=False)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Document:
        """Check the shapes that become paths, names and addresses."""
        try:
            return cls(
                site=_held("site", raw["site"], SITE),
                address=_address(raw["address"]),
                device=_held("device", raw["device"], DEVICE) if raw["device"] else "",
                database=_held("database", raw["database"], NAME),
                user=_login("user", raw["user"]),
                admin=_login("admin", raw["admin"]),
                former=_login("former", raw["former"]) if raw.get("former") else None,
                owner=_held("owner", raw["owner"], NAME) if raw.get("owner") else "",
                authority=str(raw["authority"]),
                certificate=str(raw["certificate"]),
                private_key=str(raw["private_key"]),
                backup=Backup(**{name: _line(name, raw["backup"][name]) for name in Backup.__dataclass_fields__}),
                extensions=tuple(_held("extensions", each, EXTENSION) for each in raw.get("extensions", ())),
                notify=_line("notify", raw["notify"]) if raw.get("notify") else "",
            )
        except (KeyError, TypeError) as error:
            raise Failure(f"document: {error}: is required, {WAY_OUT}") from None

    @property
    def alone(self) -> bool:
        """Whether the machine is the database's own; otherwise it is a web server that keeps its own data."""
        return not IPv4Address(self.address).is_loopback


def _held(where: str, value: Any, shape: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise Failure(f"document: {where}: should look like {shape.pattern} (got {value!r})")
    return value


def _line(where: str, value: Any) -> str:
    """One that goes into a file of lines as it is."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Failure(f"document: backup.{where}: should be one printable line, {WAY_OUT}")
    return value


def _login(where: str, raw: Mapping[str, Any]) -> Login:
    return Login(_held(f"{where}.role", raw["role"], NAME), str(raw["password"]))


def _address(value: Any) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise Failure(f"document: address: should be an IPv4 address (got {value!r})") from None
